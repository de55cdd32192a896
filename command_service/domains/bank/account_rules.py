"""Step 4: what must hold of accounts; each rule raises its refusal."""

from cqrs.bank.v1.errors_pb2 import (
    BANK_ERROR_ACCOUNT_ALREADY_EXISTS,
    BANK_ERROR_ACCOUNT_CLOSED,
    BANK_ERROR_ACCOUNT_FROZEN,
    BANK_ERROR_ACCOUNT_HAS_BALANCE,
    BANK_ERROR_ACCOUNT_NOT_FOUND,
    BANK_ERROR_ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER,
    BANK_ERROR_AMOUNT_MUST_HAVE_THE_SAME_LEDGER,
    BANK_ERROR_CREDIT_ACCOUNT_NOT_FOUND,
    BANK_ERROR_DEBIT_ACCOUNT_NOT_FOUND,
    BANK_ERROR_EXCEEDS_CREDITS,
    BANK_ERROR_OVERFLOWS_CREDITS,
    BANK_ERROR_OVERFLOWS_DEBITS,
)
from cqrs.bank.v1.types_pb2 import ACCOUNT_STATUS_CLOSED, ACCOUNT_STATUS_FROZEN, ACCOUNT_STATUS_UNSPECIFIED
from cqrs.common.v1.common_pb2 import Money

from command_service.domains.bank.account_state import Account
from command_service.domains.bank.refusal import LARGEST_SUM, in_words, refuse


def is_new(account: Account, account_id: str) -> None:
    """The id is free."""
    if account.status != ACCOUNT_STATUS_UNSPECIFIED:
        raise refuse(BANK_ERROR_ACCOUNT_ALREADY_EXISTS, f'Account with id "{account_id}" already exists')


def exists(account: Account, account_id: str) -> None:
    """The account was opened."""
    if account.status == ACCOUNT_STATUS_UNSPECIFIED:
        raise refuse(BANK_ERROR_ACCOUNT_NOT_FOUND, f'Account "{account_id}" does not exist')


def both_exist(payer: Account, payer_id: str, payee: Account, payee_id: str) -> None:
    """Both accounts were opened."""
    if payer.status == ACCOUNT_STATUS_UNSPECIFIED:
        raise refuse(BANK_ERROR_DEBIT_ACCOUNT_NOT_FOUND, f'Account "{payer_id}" does not exist')
    if payee.status == ACCOUNT_STATUS_UNSPECIFIED:
        raise refuse(BANK_ERROR_CREDIT_ACCOUNT_NOT_FOUND, f'Account "{payee_id}" does not exist')


def same_currency(payer: Account, payee: Account) -> None:
    """The two accounts hold the same currency."""
    if payer.currency != payee.currency:
        text = f'Account "{payer.account_id}" is in {payer.currency}, account "{payee.account_id}" in {payee.currency}'
        raise refuse(BANK_ERROR_ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER, text)


def in_currency_of(account: Account, amount: Money) -> None:
    """The amount is in the account's currency."""
    if amount.currency_code != account.currency:
        text = f'The amount is in {amount.currency_code}, account "{account.account_id}" in {account.currency}'
        raise refuse(BANK_ERROR_AMOUNT_MUST_HAVE_THE_SAME_LEDGER, text)


def is_open(account: Account) -> None:
    """The account is neither frozen nor closed."""
    if account.status == ACCOUNT_STATUS_FROZEN:
        raise refuse(BANK_ERROR_ACCOUNT_FROZEN, f'Account "{account.account_id}" is frozen')
    is_not_closed(account)


def is_not_closed(account: Account) -> None:
    """The account is open, or frozen."""
    if account.status == ACCOUNT_STATUS_CLOSED:
        raise refuse(BANK_ERROR_ACCOUNT_CLOSED, f'Account "{account.account_id}" is closed')


def is_empty(account: Account) -> None:
    """The account's balance is zero."""
    if account.balance:
        balance = in_words(account.balance, account.currency)
        text = f'Account "{account.account_id}" cannot be closed: its balance is {balance}, not zero'
        raise refuse(BANK_ERROR_ACCOUNT_HAS_BALANCE, text)


def covers(account: Account, amount: int) -> None:
    """The account can pay so much, its overdraft included."""
    if amount > account.available:
        available, asked = (in_words(each, account.currency) for each in (account.available, amount))
        text = f'Insufficient funds in account "{account.account_id}": {available} available, {asked} requested'
        raise refuse(BANK_ERROR_EXCEEDS_CREDITS, text)


def fits_debits(account: Account, amount: int) -> None:
    """All that ever left the account stays within what an amount holds."""
    if account.debits + amount > LARGEST_SUM:
        text = f'The debits of account "{account.account_id}" would be more than an amount can be'
        raise refuse(BANK_ERROR_OVERFLOWS_DEBITS, text)


def fits_credits(account: Account, amount: int) -> None:
    """All that ever came into the account stays within what an amount holds, also with the overdraft on top of it."""
    if account.credits + amount + account.overdraft_limit > LARGEST_SUM:
        text = f'The credits of account "{account.account_id}" would be more than an amount can be'
        raise refuse(BANK_ERROR_OVERFLOWS_CREDITS, text)
