"""Step 8: transfers to read, with what has become of each, and the list of those that wait for an operator."""

from typing import assert_never

from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import (
    FRAUD_VERDICT_APPROVED,
    FRAUD_VERDICT_CLEARED,
    FRAUD_VERDICT_FLAGGED,
    FRAUD_VERDICT_REJECTED,
    TRANSFER_STATUS_COMPLETED,
    TRANSFER_STATUS_FLAGGED,
    TRANSFER_STATUS_REVERSED,
    FraudVerdict,
)
from cqrs.bank.v1.views_pb2 import TransferView
from cqrs.log.v1.record_pb2 import Record

from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views

TransferChange = (
    events.TransactionRecorded
    | events.TransferPartiesNotified
    | events.TransferAnalyzed
    | events.TransferFlagged
    | events.FlaggedTransferApproved
    | events.FlaggedTransferRejected
    | events.TransferReversed
)
TransferEvent = events.MoneyTransferred | TransferChange
ELSEWHERE = events.TransactionRecorded | events.TransferPartiesNotified
"""Events about a transfer that stand in streams of their own: they are none of its versions."""


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    return (ViewKey(TransferView, _key(fact.event)),)


def _apply(fact: Fact, views: Views) -> Changes:
    key = _key(fact.event)
    if isinstance(fact.event, events.MoneyTransferred):
        return Changes(views={key: _create(fact.event, fact)})
    before: TransferView | None = views[key]
    if before is None:
        raise LookupError(f"{fact.record.type} of {key}, which has no view: it was never made")
    transfer = TransferView()
    transfer.CopyFrom(before)
    _change(transfer, fact.event, fact.record)
    if not isinstance(fact.event, ELSEWHERE):
        transfer.version = fact.record.version
    transfer.update_time.CopyFrom(fact.record.time)
    return Changes(views={key: transfer}, indexes=_entries(key, before, transfer))


def _create(event: events.MoneyTransferred, fact: Fact) -> TransferView:
    return TransferView(
        transfer_id=event.transfer_id,
        source_account_id=event.source.account_id,
        destination_account_id=event.destination.account_id,
        amount=event.amount,
        reference=event.reference,
        status=TRANSFER_STATUS_COMPLETED,
        transfer_time=fact.record.time,
        command_id=fact.record.causation_id,
        version=fact.record.version,
        create_position=fact.position,
    )


def _change(transfer: TransferView, event: TransferChange, record: Record) -> None:
    match event:
        case events.TransactionRecorded():
            transfer.record_time.CopyFrom(record.time)
        case events.TransferPartiesNotified():
            transfer.notification.account_ids[:] = event.account_ids
            transfer.notification.notify_time.CopyFrom(record.time)
        case events.TransferAnalyzed():
            transfer.analysis.score = event.score
            transfer.analysis.findings.extend(event.findings)
            transfer.analysis.verdict = FRAUD_VERDICT_CLEARED
            transfer.analysis.analyze_time.CopyFrom(record.time)
        case events.TransferFlagged():
            transfer.status, transfer.analysis.verdict = TRANSFER_STATUS_FLAGGED, FRAUD_VERDICT_FLAGGED
        case events.FlaggedTransferApproved():
            transfer.status = TRANSFER_STATUS_COMPLETED
            _review(transfer, FRAUD_VERDICT_APPROVED, event.reason, record)
        case events.FlaggedTransferRejected():
            _review(transfer, FRAUD_VERDICT_REJECTED, event.reason, record)
        case events.TransferReversed():
            transfer.status = TRANSFER_STATUS_REVERSED
            transfer.reversal.reason = event.reason
            transfer.reversal.command_id = record.causation_id
            transfer.reversal.reverse_time.CopyFrom(record.time)
        case _:
            assert_never(event)


def _review(transfer: TransferView, verdict: FraudVerdict.ValueType, reason: str, record: Record) -> None:
    transfer.analysis.verdict = verdict
    transfer.analysis.review_reason = reason
    transfer.analysis.review_time.CopyFrom(record.time)


def _entries(key: str, before: TransferView, transfer: TransferView) -> tuple[IndexEntry, ...]:
    """What changes in the list of those that wait; the place there is the transfer's own, whenever it is flagged."""
    was, waits = (each.status == TRANSFER_STATUS_FLAGGED for each in (before, transfer))
    if was == waits:
        return ()
    return (IndexEntry("flagged", key, transfer.create_position if waits else None),)


def _key(event: TransferEvent) -> str:
    return f"transfer:{event.transfer_id}"


TRANSFERS = Projection(
    name="bank.transfers",
    handles=(
        events.MoneyTransferred,
        events.TransactionRecorded,
        events.TransferPartiesNotified,
        events.TransferAnalyzed,
        events.TransferFlagged,
        events.FlaggedTransferApproved,
        events.FlaggedTransferRejected,
        events.TransferReversed,
    ),
    needs=_needs,
    apply=_apply,
)
