"""A command on its way: what stays the same on every attempt, and what deciding it asks of the log."""

import time
from dataclasses import dataclass
from typing import Any

import uuid_utils
from cqrs.common.v1 import common_pb2, errors_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.decider import QUIET, Context, Decider, Decision
from command_service.event_log import Entry, NewRecord
from command_service.immutable import immutable
from command_service.records import envelopes, request_hash
from command_service.states import Slot
from runtime.call import Call, refuse
from runtime.refusals import Refused

SUCCEEDED = common_pb2.COMMAND_STATE_SUCCEEDED


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was accepted by this server."""

    decider: Decider
    request: Any
    response: type[Message]
    call: Call
    context: Context
    hash: bytes

    @classmethod
    def accept(cls, decider: Decider, response: type[Message], request: Any, call: Call) -> "Command":
        """Fix the ids, the time and the hash of a request."""
        asked = request.context
        command_id = asked.command_id or str(uuid_utils.uuid7())
        now = Timestamp()
        now.FromNanoseconds(time.time_ns())
        context = Context(command_id, now, str(uuid_utils.uuid7()), asked.correlation_id or command_id, call.actor)
        return cls(decider, request, response, call, context, request_hash(call.rpc, request))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision on some states comes to."""

    entry: Entry
    """What the log is asked; a refusal asks it only to confirm what the decision saw."""
    answer: Any
    """The response to send once the log has taken the entry; its token is still missing."""
    decision: Decision
    refused: Refused | None
    slots: list[Slot]
    after: tuple[tuple[int, Any], ...] = ()
    """Version and state of each slot once the entry is committed."""


def decide(command: Command, slots: list[Slot]) -> Outcome:
    """Decide on the states in the slots and move them on to what the decision leads to."""
    reads = tuple((slot.stream, slot.version) for slot in slots)
    try:
        _expect_version(command, slots[0])
        states = (slot.state for slot in slots)
        decision = command.decider.decide(immutable(command.request), command.context, *states)
    except Refused as refused:
        return Outcome(Entry(command.context.command_id, command.hash, reads), None, QUIET, refused, slots)
    answer = _answer(command, slots, decision)
    if command.request.context.validate_only:
        return Outcome(Entry(command.context.command_id, command.hash, reads), answer, decision, None, slots)
    entry = Entry(
        command_id=command.context.command_id,
        request_hash=command.hash,
        reads=reads,
        records=_records(command, slots, decision),
        claims=decision.claims,
        receipt=answer.SerializeToString(),
        state=SUCCEEDED,
    )
    for slot, events in zip(slots, decision.events, strict=False):
        slot.advance(events)
    return Outcome(entry, answer, decision, None, slots, tuple((slot.version, slot.state) for slot in slots))


def _expect_version(command: Command, slot: Slot) -> None:
    asked = command.request.context
    if asked.HasField("expected_version") and asked.expected_version != slot.version:
        raise refuse(
            errors_pb2.PLATFORM_ERROR_VERSION_MISMATCH,
            f"Expected version {asked.expected_version}, got {slot.version}",
            expected=str(asked.expected_version),
            actual=str(slot.version),
        )


def _records(command: Command, slots: list[Slot], decision: Decision) -> tuple[NewRecord, ...]:
    return tuple(
        record
        for slot, events in zip(slots, decision.events, strict=False)
        for record in envelopes(
            slot.stream, slot.version, events, command.context, command.request.context, command.call
        )
    )


def _answer(command: Command, slots: list[Slot], decision: Decision) -> Any:
    """The response with the receipt as it is stored: all but the token, which the log gives."""
    answer: Any = command.response()
    if decision.response is not None:
        answer.CopyFrom(decision.response)
    first = slots[0]
    answer.receipt.CopyFrom(
        common_pb2.CommandReceipt(
            command_id=command.context.command_id,
            state=SUCCEEDED,
            aggregate_id=first.stream.removeprefix(f"{first.aggregate.category}-"),
            version=first.version + (len(decision.events[0]) if decision.events else 0),
            time=command.context.time,
            correlation_id=command.context.correlation_id,
        )
    )
    return answer
