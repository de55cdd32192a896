"""Step 4: what follows a transfer beside its review: its record and its notices.

Each has a stream of its own: commands on one stream are carried out one after another, and nothing about a transfer is
to wait for a mail server.
"""

from dataclasses import dataclass

from cqrs.bank.v1.events_pb2 import TransactionRecorded, TransferPartiesNotified

from command_service.decider import NEEDS_EFFECT, QUIET, Aggregate, Context, Decision, happened
from command_service.domains.bank.notice import told
from command_service.domains.bank.refusal import money
from command_service.domains.bank.transfer_state import Transfer


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Whether it was done for the transfer."""

    done: bool = False


def record(transfer_id: str, followed: FollowUp, transfer: Transfer) -> Decision:
    """Entered in the record of transactions, once."""
    if followed.done:
        return QUIET
    return happened(
        TransactionRecorded(
            transfer_id=transfer_id,
            source_account_id=transfer.source_id,
            destination_account_id=transfer.destination_id,
            amount=money(transfer.amount, transfer.currency),
            reference=transfer.reference,
        )
    )


def notify(transfer_id: str, context: Context, followed: FollowUp, transfer: Transfer) -> Decision:
    """The parties told, once; where neither has an address there is nothing to send."""
    if followed.done:
        return QUIET
    if context.outcome is None and told(transfer):
        return NEEDS_EFFECT
    return happened(TransferPartiesNotified(transfer_id=transfer_id, account_ids=context.outcome or ()))


def _done(_followed: FollowUp, _event: TransactionRecorded | TransferPartiesNotified) -> FollowUp:
    return FollowUp(done=True)


RECORD = Aggregate(category="bank.record", initial=FollowUp(), evolve=_done, events=(TransactionRecorded,))
"""The record of one transfer."""

NOTICE = Aggregate(category="bank.notice", initial=FollowUp(), evolve=_done, events=(TransferPartiesNotified,))
"""The notices about one transfer."""
