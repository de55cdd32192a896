"""Step 8: the books of each account, one view an entry, in order of time."""

from cqrs.bank.v1.views_pb2 import EntryView

from projector.domains.bank.entries import ENTRY_EVENTS, meaning
from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views, time_score


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    return ()


def _apply(fact: Fact, views: Views) -> Changes:
    event, record = fact.event, fact.record
    meant = meaning(event)
    entry = EntryView(
        entry_id=f"{event.account_id}-{record.version}",
        account_id=event.account_id,
        side=meant.side,
        kind=meant.kind,
        amount=event.amount,
        balance=event.balance,
        counterparty_account_id=meant.counterparty,
        transfer_id=meant.transfer_id,
        reference=event.reference,
        entry_time=record.time,
        command_id=record.causation_id,
        correlation_id=record.correlation_id,
        actor=record.actor,
        version=record.version,
        position=fact.position,
    )
    key = f"entry:{entry.entry_id}"
    place = IndexEntry(f"account:{event.account_id}", key, time_score(record.time, fact.position))
    return Changes(views={key: entry}, indexes=(place,))


TRANSACTIONS = Projection(name="bank.transactions", handles=ENTRY_EVENTS, needs=_needs, apply=_apply)
