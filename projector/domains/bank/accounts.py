"""Step 8: accounts to read. Both balances of a transfer change with its one record: no reader sees half of it."""

from typing import assert_never

from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import ACCOUNT_STATUS_CLOSED, ACCOUNT_STATUS_FROZEN, ACCOUNT_STATUS_OPEN
from cqrs.bank.v1.views_pb2 import AccountView
from cqrs.common.v1.common_pb2 import Money
from google.protobuf.message import Message

from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views

AccountChange = (
    events.AccountClosed
    | events.AccountFrozen
    | events.AccountUnfrozen
    | events.MoneyDeposited
    | events.MoneyWithdrawn
    | events.AccountDebited
    | events.AccountCredited
)
BetweenAccounts = events.MoneyTransferred | events.TransferReversed


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    if isinstance(fact.event, BetweenAccounts):
        return tuple(ViewKey(AccountView, _key(account_id)) for account_id in _balances(fact.event))
    return (ViewKey(AccountView, _key(fact.event.account_id)),)


def _apply(fact: Fact, views: Views) -> Changes:
    if isinstance(fact.event, events.AccountOpened):
        return _opened(fact, fact.event)
    if isinstance(fact.event, BetweenAccounts):
        moved: dict[str, Message | None] = {}
        for account_id, balance in _balances(fact.event).items():
            account = moved[_key(account_id)] = _copy(fact, views, account_id)
            _book(account, balance)
        return Changes(views=moved)
    account = _copy(fact, views, fact.event.account_id)
    _change(account, fact.event, fact)
    account.version = fact.record.version
    account.update_time.CopyFrom(fact.record.time)
    return Changes(views={_key(account.account_id): account})


def _opened(fact: Fact, event: events.AccountOpened) -> Changes:
    limit = Money(minor_units=event.overdraft_limit, currency_code=event.currency_code)
    account = AccountView(
        account_id=event.account_id,
        owner=event.owner,
        email=event.email,
        status=ACCOUNT_STATUS_OPEN,
        overdraft_limit=limit,
        create_time=fact.record.time,
        version=fact.record.version,
        create_position=fact.position,
    )
    _book(account, Money(currency_code=event.currency_code))
    key = _key(event.account_id)
    lists = ("accounts", f"owner:{event.owner}")
    return Changes(views={key: account}, indexes=tuple(IndexEntry(each, key, fact.position) for each in lists))


def _balances(event: BetweenAccounts) -> dict[str, Money]:
    """The balances of both accounts afterwards."""
    match event:
        case events.MoneyTransferred():
            source_id, destination_id = event.source.account_id, event.destination.account_id
        case events.TransferReversed():
            source_id, destination_id = event.source_account_id, event.destination_account_id
        case _:
            assert_never(event)
    return {source_id: event.source_balance, destination_id: event.destination_balance}


def _copy(fact: Fact, views: Views, account_id: str) -> AccountView:
    before: AccountView | None = views[_key(account_id)]
    if before is None:
        raise LookupError(f"{fact.record.type} of account {account_id}, which has no view: it was never opened")
    account = AccountView()
    account.CopyFrom(before)
    return account


def _change(account: AccountView, event: AccountChange, fact: Fact) -> None:
    match event:
        case events.AccountClosed():
            account.status = ACCOUNT_STATUS_CLOSED
            account.close_time.CopyFrom(fact.record.time)
        case events.AccountFrozen():
            account.status, account.freeze_reason = ACCOUNT_STATUS_FROZEN, event.reason
        case events.AccountUnfrozen():
            account.status, account.freeze_reason = ACCOUNT_STATUS_OPEN, ""
        case events.MoneyDeposited() | events.MoneyWithdrawn() | events.AccountDebited() | events.AccountCredited():
            account.ledger_balance.CopyFrom(event.balance)
        case _:
            assert_never(event)
    _book(account, account.ledger_balance)


def _book(account: AccountView, balance: Money) -> None:
    """Set what the account has, and what may be taken out of it."""
    account.ledger_balance.CopyFrom(balance)
    account.available_balance.currency_code = balance.currency_code
    more = account.overdraft_limit.minor_units
    is_open = account.status == ACCOUNT_STATUS_OPEN
    account.available_balance.minor_units = balance.minor_units + more if is_open else 0


def _key(account_id: str) -> str:
    return f"account:{account_id}"


ACCOUNTS = Projection(
    name="bank.accounts",
    handles=(
        events.AccountOpened,
        events.AccountClosed,
        events.AccountFrozen,
        events.AccountUnfrozen,
        events.MoneyDeposited,
        events.MoneyWithdrawn,
        events.AccountDebited,
        events.AccountCredited,
        events.MoneyTransferred,
        events.TransferReversed,
    ),
    needs=_needs,
    apply=_apply,
)
