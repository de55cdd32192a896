"""Step 8: what each month was to each account: the balances at its ends and the sums between, never a list.

An entry belongs to the month of its record's time, in UTC. Where another server's clock was behind and the next month's
statement has begun already, it belongs to that one: what is carried over is always what the month before ended with.
"""

from cqrs.bank.v1.events_pb2 import AccountOpened
from cqrs.bank.v1.types_pb2 import ENTRY_SIDE_CREDIT
from cqrs.bank.v1.views_pb2 import StatementView
from cqrs.common.v1.common_pb2 import Money
from google.protobuf.timestamp_pb2 import Timestamp

from projector.domains.bank.entries import ENTRY_EVENTS, EntryEvent, meaning
from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    this = _month(fact.record.time)
    return tuple(ViewKey(StatementView, _key(month, fact.event.account_id)) for month in (this, this + 1))


def _apply(fact: Fact, views: Views) -> Changes:
    event, month = fact.event, _month(fact.record.time)
    if views[_key(month + 1, event.account_id)] is not None:
        month += 1
    key = _key(month, event.account_id)
    before: StatementView | None = views[key]
    statement = StatementView()
    statement.CopyFrom(_begun(event, month) if before is None else before)
    if not isinstance(event, AccountOpened):
        _enter(statement, event)
    statement.version = fact.record.version
    place = IndexEntry(f"account:{event.account_id}", key, month)
    return Changes(views={key: statement}, indexes=(place,) if before is None else ())


def _begun(event: AccountOpened | EntryEvent, month: int) -> StatementView:
    """The statement before its first entry."""
    if isinstance(event, AccountOpened):
        opening = Money(currency_code=event.currency_code)
    else:
        opening = Money(currency_code=event.balance.currency_code)
        opening.minor_units = event.balance.minor_units - _change(event)
    nothing = Money(currency_code=opening.currency_code)
    return StatementView(
        account_id=event.account_id,
        month=_spelled(month),
        opening_balance=opening,
        credits=nothing,
        debits=nothing,
        closing_balance=opening,
    )


def _enter(statement: StatementView, event: EntryEvent) -> None:
    credited = meaning(event).side == ENTRY_SIDE_CREDIT
    total = statement.credits if credited else statement.debits
    total.minor_units += event.amount.minor_units
    statement.closing_balance.CopyFrom(event.balance)
    statement.entry_count += 1


def _change(event: EntryEvent) -> int:
    """What the entry adds to the balance."""
    credited = meaning(event).side == ENTRY_SIDE_CREDIT
    return event.amount.minor_units if credited else -event.amount.minor_units


def _month(time: Timestamp) -> int:
    """The months since the year 0: also the statement's place in the account's list."""
    day = time.ToDatetime()
    return day.year * 12 + day.month - 1


def _spelled(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _key(month: int, account_id: str) -> str:
    return f"statement:{_spelled(month)}:{account_id}"


STATEMENTS = Projection(name="bank.statements", handles=(AccountOpened, *ENTRY_EVENTS), needs=_needs, apply=_apply)
