"""Step 8: which entry an event makes in the books of the account that its stream is about."""

from dataclasses import dataclass

from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import (
    ENTRY_KIND_DEPOSIT,
    ENTRY_KIND_WITHDRAWAL,
    ENTRY_SIDE_CREDIT,
    ENTRY_SIDE_DEBIT,
    EntryKind,
    EntrySide,
)

EntryEvent = events.MoneyDeposited | events.MoneyWithdrawn | events.AccountDebited | events.AccountCredited
ENTRY_EVENTS = (events.MoneyDeposited, events.MoneyWithdrawn, events.AccountDebited, events.AccountCredited)
"""Every event that is an entry in an account's books."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an event of an account means to its books."""

    side: EntrySide.ValueType
    kind: EntryKind.ValueType
    counterparty: str
    transfer_id: str


def meaning(event: EntryEvent) -> Meaning:
    """The side and the kind of the account's own entry, and what it belongs to."""
    match event:
        case events.MoneyDeposited():
            return Meaning(ENTRY_SIDE_CREDIT, ENTRY_KIND_DEPOSIT, event.outside_id, "")
        case events.MoneyWithdrawn():
            return Meaning(ENTRY_SIDE_DEBIT, ENTRY_KIND_WITHDRAWAL, event.outside_id, "")
        case events.AccountDebited():
            return Meaning(ENTRY_SIDE_DEBIT, event.kind, event.counterparty_account_id, event.transfer_id)
        case events.AccountCredited():
            return Meaning(ENTRY_SIDE_CREDIT, event.kind, event.counterparty_account_id, event.transfer_id)
