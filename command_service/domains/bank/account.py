"""Step 4: an account: which command leads to what, and what its events make of it."""

from dataclasses import replace
from typing import assert_never

from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.errors_pb2 import BANK_ERROR_ACCOUNT_FROZEN
from cqrs.bank.v1.types_pb2 import ACCOUNT_STATUS_CLOSED, ACCOUNT_STATUS_FROZEN, ACCOUNT_STATUS_OPEN

from command_service.decider import QUIET, Aggregate, Context, Decider, Decision, happened
from command_service.domains.bank import account_rules as rules
from command_service.domains.bank.account_state import Account, debited, opened
from command_service.domains.bank.cash import deposit, withdraw
from command_service.domains.bank.refusal import refuse

AccountCommand = (
    commands.OpenAccountRequest
    | commands.CloseAccountRequest
    | commands.FreezeAccountRequest
    | commands.UnfreezeAccountRequest
    | commands.DepositRequest
    | commands.WithdrawRequest
)
AccountEvent = (
    events.AccountOpened
    | events.AccountClosed
    | events.AccountFrozen
    | events.AccountUnfrozen
    | events.MoneyDeposited
    | events.MoneyWithdrawn
    | events.AccountDebited
    | events.AccountCredited
)


def decide(command: AccountCommand, context: Context, account: Account) -> Decision:
    """What the command leads to; raises Refused."""
    if isinstance(command, commands.OpenAccountRequest):
        return _open(command, command.account_id or context.new_id, account)
    rules.exists(account, command.account_id)
    match command:
        case commands.CloseAccountRequest():
            return _close(account)
        case commands.FreezeAccountRequest():
            return _freeze(command, account)
        case commands.UnfreezeAccountRequest():
            rules.is_not_closed(account)
            frozen = account.status == ACCOUNT_STATUS_FROZEN
            return happened(events.AccountUnfrozen(account_id=command.account_id)) if frozen else QUIET
        case commands.DepositRequest():
            return deposit(command, account)
        case commands.WithdrawRequest():
            return withdraw(command, account)
        case _:
            assert_never(command)


def _open(command: commands.OpenAccountRequest, account_id: str, account: Account) -> Decision:
    rules.is_new(account, account_id)
    return happened(
        events.AccountOpened(
            account_id=account_id,
            owner=command.owner,
            email=command.email,
            currency_code=command.currency_code,
            overdraft_limit=command.overdraft_limit,
        )
    )


def _close(account: Account) -> Decision:
    if account.status == ACCOUNT_STATUS_CLOSED:
        return QUIET
    rules.is_open(account)
    rules.is_empty(account)
    return happened(events.AccountClosed(account_id=account.account_id, currency_code=account.currency))


def _freeze(command: commands.FreezeAccountRequest, account: Account) -> Decision:
    rules.is_not_closed(account)
    if account.status == ACCOUNT_STATUS_FROZEN:
        if account.freeze_reason == command.reason:
            return QUIET
        text = f'Account "{command.account_id}" has already been frozen for another reason'
        raise refuse(BANK_ERROR_ACCOUNT_FROZEN, text)
    return happened(events.AccountFrozen(account_id=command.account_id, reason=command.reason))


def evolve(account: Account, event: AccountEvent) -> Account:
    """The account after the event."""
    match event:
        case events.AccountOpened():
            return opened(event)
        case events.AccountClosed():
            return replace(account, status=ACCOUNT_STATUS_CLOSED)
        case events.AccountFrozen():
            return replace(account, status=ACCOUNT_STATUS_FROZEN, freeze_reason=event.reason)
        case events.AccountUnfrozen():
            return replace(account, status=ACCOUNT_STATUS_OPEN, freeze_reason="")
        case events.MoneyDeposited() | events.AccountCredited():
            return replace(account, credits=account.credits + event.amount.minor_units)
        case events.MoneyWithdrawn():
            return replace(account, debits=account.debits + event.amount.minor_units)
        case events.AccountDebited():
            return debited(account, event)
        case _:
            assert_never(event)


ACCOUNT = Aggregate(
    category="bank.account",
    initial=Account(),
    evolve=evolve,
    events=(
        events.AccountOpened,
        events.AccountClosed,
        events.AccountFrozen,
        events.AccountUnfrozen,
        events.MoneyDeposited,
        events.MoneyWithdrawn,
        events.AccountDebited,
        events.AccountCredited,
    ),
)

ACCOUNTS = Decider(
    service="cqrs.bank.v1.AccountCommandService",
    reads=lambda command, context: ((ACCOUNT, command.account_id or context.new_id),),
    decide=decide,
)
