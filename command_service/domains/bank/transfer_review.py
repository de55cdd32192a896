"""Step 4: the analysis of a transfer for fraud, and its review by an operator."""

from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.errors_pb2 import BANK_ERROR_TRANSFER_NOT_FLAGGED
from cqrs.bank.v1.types_pb2 import (
    FRAUD_VERDICT_APPROVED,
    FRAUD_VERDICT_REJECTED,
    FRAUD_VERDICT_UNSPECIFIED,
    TRANSFER_STATUS_COMPLETED,
    TRANSFER_STATUS_FLAGGED,
)

from command_service.decider import QUIET, Context, Decision, happened
from command_service.domains.bank.account_state import Account
from command_service.domains.bank.fraud import THRESHOLD, findings
from command_service.domains.bank.refusal import refuse
from command_service.domains.bank.transfer_money import moved_back
from command_service.domains.bank.transfer_state import Transfer


def analyze(transfer_id: str, transfer: Transfer) -> Decision:
    """Judged, once, and flagged when its score is high; one whose money is back already is not flagged."""
    if transfer.verdict != FRAUD_VERDICT_UNSPECIFIED:
        return QUIET
    found = findings(transfer)
    score = sum(finding.points for finding in found)
    analyzed = events.TransferAnalyzed(transfer_id=transfer_id, score=score, findings=found)
    if score < THRESHOLD or transfer.status != TRANSFER_STATUS_COMPLETED:
        return happened(analyzed)
    return happened(analyzed, events.TransferFlagged(transfer_id=transfer_id, score=score, threshold=THRESHOLD))


def approve(command: commands.ApproveFlaggedTransferRequest, transfer: Transfer) -> Decision:
    """A flagged transfer stands; again is quiet."""
    if transfer.verdict == FRAUD_VERDICT_APPROVED:
        return QUIET
    _is_flagged(transfer, command.transfer_id)
    return happened(events.FlaggedTransferApproved(transfer_id=command.transfer_id, reason=command.reason))


def reject(
    command: commands.RejectFlaggedTransferRequest,
    context: Context,
    transfer: Transfer,
    source: Account,
    destination: Account,
) -> Decision:
    """A flagged transfer is reversed, or stays flagged when that is refused; again for the same reason is quiet."""
    if transfer.verdict == FRAUD_VERDICT_REJECTED and transfer.review_reason == command.reason:
        return QUIET
    _is_flagged(transfer, command.transfer_id)
    rejected = events.FlaggedTransferRejected(transfer_id=command.transfer_id, reason=command.reason)
    return moved_back(command, context, transfer, source, destination, first=(rejected,))


def _is_flagged(transfer: Transfer, transfer_id: str) -> None:
    if transfer.status != TRANSFER_STATUS_FLAGGED:
        text = f'Transfer "{transfer_id}" does not wait for an approval'
        raise refuse(BANK_ERROR_TRANSFER_NOT_FLAGGED, text)
