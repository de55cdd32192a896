"""Step 8: the whole book, one view a currency: what all entries add up to.

A transfer counts with its one record, both entries at once, so that the book is balanced at every position of the log.
The sum of the balances is not taken from the amounts but from what each account's last entry left, as a check on them.
"""

from collections.abc import Mapping
from typing import assert_never

from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.views_pb2 import BookedBalanceView, TrialBalanceView
from cqrs.common.v1.common_pb2 import Money
from google.protobuf.message import Message

from projector.projection import Changes, Fact, Projection, ViewKey, Views

Movement = events.MoneyDeposited | events.MoneyWithdrawn | events.MoneyTransferred | events.TransferReversed
LedgerEvent = events.AccountOpened | events.AccountClosed | Movement


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    book = ViewKey(TrialBalanceView, _book_key(fact.event))
    return (book, *(ViewKey(BookedBalanceView, _balance_key(account_id)) for account_id in _balances(fact.event)))


def _apply(fact: Fact, views: Views) -> Changes:
    key = _book_key(fact.event)
    book = TrialBalanceView(
        currency_code=_currency(fact.event),
        total_debits="0",
        total_credits="0",
        accounts_balance="0",
        outside_balance="0",
        balance="0",
    )
    if views[key] is not None:
        book.CopyFrom(views[key])
    changed: dict[str, Message | None] = {key: book}
    match fact.event:
        case events.AccountOpened():
            book.open_accounts += 1
        case events.AccountClosed():
            book.open_accounts -= 1
            book.closed_accounts += 1
        case _:
            _enter(book, fact.event)
            changed |= _book_balances(book, fact.event, views)
    return Changes(views=changed)


def _enter(book: TrialBalanceView, event: Movement) -> None:
    """Both entries of a movement."""
    amount = event.amount.minor_units
    book.total_debits = str(int(book.total_debits) + amount)
    book.total_credits = str(int(book.total_credits) + amount)
    match event:
        case events.MoneyDeposited():
            book.outside_balance = str(int(book.outside_balance) - amount)
        case events.MoneyWithdrawn():
            book.outside_balance = str(int(book.outside_balance) + amount)
        case events.MoneyTransferred() | events.TransferReversed():
            pass
        case _:
            assert_never(event)
    book.movements += 1


def _book_balances(book: TrialBalanceView, event: Movement, views: Views) -> dict[str, Message | None]:
    """The accounts' balances after a movement; the book's sum follows them."""
    total = int(book.accounts_balance)
    booked: dict[str, Message | None] = {}
    for account_id, balance in _balances(event).items():
        key = _balance_key(account_id)
        before: BookedBalanceView | None = views[key]
        total += balance.minor_units - (before.balance.minor_units if before is not None else 0)
        booked[key] = BookedBalanceView(account_id=account_id, balance=balance)
    book.accounts_balance = str(total)
    book.balance = str(total + int(book.outside_balance))
    return booked


def _balances(event: LedgerEvent) -> Mapping[str, Money]:
    """The balance of each account that a movement touched, afterwards."""
    match event:
        case events.AccountOpened() | events.AccountClosed():
            return {}
        case events.MoneyDeposited() | events.MoneyWithdrawn():
            return {event.account_id: event.balance}
        case events.MoneyTransferred():
            source_id, destination_id = event.source.account_id, event.destination.account_id
        case events.TransferReversed():
            source_id, destination_id = event.source_account_id, event.destination_account_id
        case _:
            assert_never(event)
    return {source_id: event.source_balance, destination_id: event.destination_balance}


def _currency(event: LedgerEvent) -> str:
    if isinstance(event, events.AccountOpened | events.AccountClosed):
        return event.currency_code
    return event.amount.currency_code


def _book_key(event: LedgerEvent) -> str:
    return f"currency:{_currency(event)}"


def _balance_key(account_id: str) -> str:
    return f"balance:{account_id}"


LEDGER = Projection(
    name="bank.ledger",
    handles=(
        events.AccountOpened,
        events.AccountClosed,
        events.MoneyDeposited,
        events.MoneyWithdrawn,
        events.MoneyTransferred,
        events.TransferReversed,
    ),
    needs=_needs,
    apply=_apply,
)
