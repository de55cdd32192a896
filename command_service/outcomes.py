"""Step 6: the outcome of an asynchronous command as an entry: its events, its own record, its receipt together."""

import time
from dataclasses import dataclass, replace
from typing import Any

from cqrs.admin.v1 import events_pb2 as events
from cqrs.common.v1 import common_pb2
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message

from command_service.command import CATEGORY, Command, now
from command_service.decide import Outcome
from command_service.decider import NEEDS_EFFECT
from command_service.event_log import Entry, NewRecord
from command_service.records import Origin, envelope
from command_service.work import kept
from command_service.work_queue import Claimed
from runtime.refusals import Refused


@dataclass(frozen=True, slots=True)
class Attempt:
    """One worker's attempt at a command."""

    claim: Claimed
    accepted: events.CommandAccepted
    began: float
    """By time.monotonic()."""

    @property
    def read(self) -> tuple[str, int]:
        """The command's own stream, with the version that the outcome follows on."""
        return f"{CATEGORY}-{self.claim.command_id}", self.claim.version

    def about(self) -> dict[str, Any]:
        """What every outcome says of it."""
        accepted = self.accepted
        return {
            "command_id": accepted.command_id,
            "channel": accepted.channel,
            "type": accepted.type,
            "attempts": self.claim.attempt,
            "run_millis": int((time.monotonic() - self.began) * 1000),
            "process": accepted.process,
            "process_instance": accepted.process_instance,
        }


def concluded(command: Command, outcome: Outcome, attempt: Attempt) -> Entry:
    """What a decision asks of the log, with the command's outcome; one that waits for its effect is only confirmed."""
    entry = replace(outcome.entry, reads=(*outcome.entry.reads, attempt.read), executes=True)
    if outcome.refused is not None:
        last = refused(command, attempt, outcome.refused)
        return replace(last, reads=entry.reads, tails=entry.tails)
    if outcome.decision is NEEDS_EFFECT:
        return entry
    outcome.answer.receipt.channel = attempt.accepted.channel
    event = events.CommandSucceeded(**attempt.about(), receipt=outcome.answer.receipt)
    records = (*entry.records, _own(command, attempt, event))
    return replace(entry, records=records, receipt=outcome.answer.SerializeToString())


def refused(command: Command, attempt: Attempt, refusal: Refused) -> Entry:
    """The end of a command that a rule refused."""
    event = events.CommandRefused(
        **attempt.about(),
        refusal=events.Refusal(
            code=refusal.code,
            reason=refusal.reason,
            domain=refusal.domain,
            text=refusal.text,
            metadata=dict(refusal.metadata),
        ),
    )
    answer = command.response(common_pb2.COMMAND_STATE_REFUSED, command.reads[0][1])
    return _entry(attempt, _own(command, attempt, event), answer, common_pb2.COMMAND_STATE_REFUSED)


def failed(attempt: Attempt, record: Record, error: str) -> Entry:
    """The end of a command that could not be carried out; it needs nothing but what was accepted."""
    event = events.CommandFailed(**attempt.about(), error=kept(error))
    origin = Origin(now(), record.correlation_id, attempt.claim.command_id, record.traceparent, record.actor)
    receipt = common_pb2.CommandReceipt(
        command_id=attempt.claim.command_id,
        state=common_pb2.COMMAND_STATE_FAILED,
        time=record.time,
        correlation_id=record.correlation_id,
        channel=attempt.claim.channel,
    )
    answer = common_pb2.CommandResponse(receipt=receipt)  # any response can be read as this one
    stream, version = attempt.read
    return _entry(attempt, envelope(stream, version + 1, event, origin), answer, common_pb2.COMMAND_STATE_FAILED)


def _own(command: Command, attempt: Attempt, event: Message) -> NewRecord:
    """The outcome's record, at the time of the outcome."""
    stream, version = attempt.read
    return envelope(stream, version + 1, event, Origin.of(command, command.context.command_id, now()))


def _entry(attempt: Attempt, record: NewRecord, answer: Any, state: common_pb2.CommandState.ValueType) -> Entry:
    answer.receipt.channel = attempt.accepted.channel
    return Entry(
        command_id=attempt.claim.command_id,
        request_hash=attempt.accepted.request_hash,
        reads=(attempt.read,),
        records=(record,),
        receipt=answer.SerializeToString(),
        state=state,
        executes=True,
    )
