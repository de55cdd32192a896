"""Step 4: money that comes from outside or goes there. One event is both entries, so that they cannot come apart."""

from cqrs.bank.v1.commands_pb2 import DepositRequest, WithdrawRequest
from cqrs.bank.v1.events_pb2 import MoneyDeposited, MoneyWithdrawn

from command_service.decider import Decision, happened
from command_service.domains.bank import account_rules as rules
from command_service.domains.bank.account_state import Account
from command_service.domains.bank.refusal import money


def deposit(command: DepositRequest, account: Account) -> Decision:
    """Money from outside: the outside is debited, the account credited."""
    amount = command.amount.minor_units
    rules.in_currency_of(account, command.amount)
    rules.is_open(account)
    rules.fits_credits(account, amount)
    return happened(
        MoneyDeposited(
            account_id=command.account_id,
            outside_id=_outside(account),
            amount=command.amount,
            balance=money(account.balance + amount, account.currency),
            reference=command.reference,
        )
    )


def withdraw(command: WithdrawRequest, account: Account) -> Decision:
    """Money to the outside: the account is debited, the outside credited."""
    amount = command.amount.minor_units
    rules.in_currency_of(account, command.amount)
    rules.is_open(account)
    rules.covers(account, amount)
    rules.fits_debits(account, amount)
    return happened(
        MoneyWithdrawn(
            account_id=command.account_id,
            outside_id=_outside(account),
            amount=command.amount,
            balance=money(account.balance - amount, account.currency),
            reference=command.reference,
        )
    )


def _outside(account: Account) -> str:
    """The other side of what comes and goes; it has no stream, so that none is hot."""
    return f"outside:{account.currency}"
