"""Step 4: a transfer: which command leads to what, and what its events make of it."""

from dataclasses import replace
from typing import Any, assert_never

from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import (
    FRAUD_VERDICT_APPROVED,
    FRAUD_VERDICT_CLEARED,
    FRAUD_VERDICT_FLAGGED,
    FRAUD_VERDICT_REJECTED,
    TRANSFER_STATUS_COMPLETED,
    TRANSFER_STATUS_FLAGGED,
    TRANSFER_STATUS_REVERSED,
)

from command_service.decider import Aggregate, Context, Decider, Decision, HeldId
from command_service.domains.bank.account import ACCOUNT
from command_service.domains.bank.account_state import Account
from command_service.domains.bank.notice import NOTIFY
from command_service.domains.bank.transfer_follow_up import NOTICE, RECORD, FollowUp, notify, record
from command_service.domains.bank.transfer_money import reverse, transfer_money
from command_service.domains.bank.transfer_review import analyze, approve, reject
from command_service.domains.bank.transfer_state import Transfer, exists, transferred

TransferCommand = (
    commands.TransferMoneyRequest
    | commands.ReverseTransferRequest
    | commands.RejectFlaggedTransferRequest
    | commands.ApproveFlaggedTransferRequest
    | commands.AnalyzeTransferForFraudRequest
)
FollowUpCommand = commands.RecordTransactionRequest | commands.NotifyTransferPartiesRequest
TransferEvent = (
    events.MoneyTransferred
    | events.TransferAnalyzed
    | events.TransferFlagged
    | events.FlaggedTransferApproved
    | events.FlaggedTransferRejected
    | events.TransferReversed
)


def decide(command: TransferCommand | FollowUpCommand, context: Context, *states: Any) -> Decision:
    """What the command leads to; the states are those of `_reads`. Raises Refused."""
    if isinstance(command, FollowUpCommand):
        return _follow_up(command, context, *states)
    return _transfer(command, context, *states)


def _follow_up(command: FollowUpCommand, context: Context, followed: FollowUp, transfer: Transfer) -> Decision:
    exists(transfer, command.transfer_id)
    match command:
        case commands.RecordTransactionRequest():
            return record(command.transfer_id, followed, transfer)
        case commands.NotifyTransferPartiesRequest():
            return notify(command.transfer_id, context, followed, transfer)
        case _:
            assert_never(command)


def _transfer(command: TransferCommand, context: Context, transfer: Transfer, *accounts: Account) -> Decision:
    if isinstance(command, commands.TransferMoneyRequest):
        return transfer_money(command, context, transfer, *accounts)
    exists(transfer, command.transfer_id)
    match command:
        case commands.ReverseTransferRequest():
            return reverse(command, context, transfer, *accounts)
        case commands.RejectFlaggedTransferRequest():
            return reject(command, context, transfer, *accounts)
        case commands.ApproveFlaggedTransferRequest():
            return approve(command, transfer)
        case commands.AnalyzeTransferForFraudRequest():
            return analyze(command.transfer_id, transfer)
        case _:
            assert_never(command)


def evolve(transfer: Transfer, event: TransferEvent) -> Transfer:
    """The transfer after the event."""
    match event:
        case events.MoneyTransferred():
            return transferred(event)
        case events.TransferAnalyzed():
            return replace(transfer, verdict=FRAUD_VERDICT_CLEARED)
        case events.TransferFlagged():
            return replace(transfer, verdict=FRAUD_VERDICT_FLAGGED, status=TRANSFER_STATUS_FLAGGED)
        case events.FlaggedTransferApproved():
            approved = replace(transfer, verdict=FRAUD_VERDICT_APPROVED, review_reason=event.reason)
            return replace(approved, status=TRANSFER_STATUS_COMPLETED)
        case events.FlaggedTransferRejected():
            return replace(transfer, verdict=FRAUD_VERDICT_REJECTED, review_reason=event.reason)
        case events.TransferReversed():
            return replace(transfer, status=TRANSFER_STATUS_REVERSED, reversal_reason=event.reason)
        case _:
            assert_never(event)


TRANSFER = Aggregate(
    category="bank.transfer",
    initial=Transfer(),
    evolve=evolve,
    events=(
        events.MoneyTransferred,
        events.TransferAnalyzed,
        events.TransferFlagged,
        events.FlaggedTransferApproved,
        events.FlaggedTransferRejected,
        events.TransferReversed,
    ),
)


def _reads(command: TransferCommand | FollowUpCommand, context: Context) -> tuple[tuple[Aggregate, str], ...]:
    """The transfer, and where money moves both accounts: those that are named, or the transfer's own. What follows a
    transfer has a stream of its own before it."""
    transfer = (TRANSFER, command.transfer_id or context.new_id)
    match command:
        case commands.TransferMoneyRequest():
            return (transfer, (ACCOUNT, command.source_account_id), (ACCOUNT, command.destination_account_id))
        case commands.ReverseTransferRequest() | commands.RejectFlaggedTransferRequest():
            return (transfer, (ACCOUNT, HeldId("source_id")), (ACCOUNT, HeldId("destination_id")))
        case commands.ApproveFlaggedTransferRequest() | commands.AnalyzeTransferForFraudRequest():
            return (transfer,)
        case commands.RecordTransactionRequest():
            return ((RECORD, command.transfer_id), transfer)
        case commands.NotifyTransferPartiesRequest():
            return ((NOTICE, command.transfer_id), transfer)
        case _:
            assert_never(command)


TRANSFERS = Decider(
    service="cqrs.bank.v1.TransferCommandService",
    reads=_reads,
    decide=decide,
    effects={commands.NotifyTransferPartiesRequest: NOTIFY},
)
