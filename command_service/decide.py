"""Step 3, decide: what a command's decision on some states asks of the log."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cqrs.common.v1 import common_pb2, errors_pb2

from command_service.acceptance import Sender, sent
from command_service.catalogue import Catalogue
from command_service.command import Command
from command_service.decider import NEEDS_EFFECT, QUIET, Decision
from command_service.event_log import Entry, NewRecord
from command_service.immutable import immutable
from command_service.records import Origin, envelopes
from command_service.states import Slot
from runtime.call import refuse
from runtime.refusals import Refused

SUCCEEDED = common_pb2.COMMAND_STATE_SUCCEEDED


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision on some states comes to."""

    entry: Entry
    """What the log is asked; a refusal asks it only to confirm what the decision saw."""
    answer: Any
    """The response to send once the log has taken the entry; its token is still missing. None for a refusal."""
    decision: Decision
    refused: Refused | None
    slots: list[Slot]
    after: tuple[tuple[int, Any], ...] = ()
    """Version and state of each slot once the entry is committed."""

    @property
    def event_names(self) -> list[str]:
        """The short names of its events, in order."""
        return [type(event).__name__ for part in self.decision.events for event in part]


def decide(command: Command, slots: list[Slot], catalogue: Catalogue) -> Outcome:
    """Decide on the states in the slots and move them on to what the decision leads to."""
    reads = tuple((slot.stream, slot.version) for slot in slots)
    tails = tuple(slot.tail for slot in slots)
    checked = Entry(command.context.command_id, command.hash, reads, tails=tails)
    try:
        _expect_version(command, slots[0])
        states = (slot.state for slot in slots)
        decision = command.rpc.decider.decide(immutable(command.request), command.context, *states)
    except Refused as refused:
        return Outcome(checked, None, QUIET, refused, slots)
    if decision is NEEDS_EFFECT:
        _effect_is_due(command)
    answer = _answer(command, slots, decision)
    if command.request.context.validate_only or decision is NEEDS_EFFECT:
        return Outcome(checked, answer, decision, None, slots, tuple((slot.version, slot.state) for slot in slots))
    entry = Entry(
        command_id=command.context.command_id,
        request_hash=command.hash,
        reads=reads,
        records=_records(command, slots, decision, catalogue),
        claims=decision.claims,
        receipt=answer.SerializeToString(),
        state=SUCCEEDED,
        tails=tails,
    )
    last = {record.stream: record.record for record in entry.records}
    for slot, events in zip(slots, decision.events, strict=False):
        slot.advance(events, sha256(last[slot.stream]).digest() if events else b"")
    return Outcome(entry, answer, decision, None, slots, tuple((slot.version, slot.state) for slot in slots))


def _effect_is_due(command: Command) -> None:
    """Raises TypeError where a decision can never be satisfied: that is a fault of the domain's."""
    if command.rpc.effect is None:
        raise TypeError(f"{command.rpc.name} needs an effect, but its Decider lists none for {command.rpc.type}")
    if command.context.outcome is not None:
        raise TypeError(f"{command.rpc.name} needs its effect again, with an outcome of it in hand")


def _expect_version(command: Command, slot: Slot) -> None:
    """Once an effect has run its outcome must be kept, whatever the stream has come to meanwhile."""
    asked = command.request.context
    if (
        command.context.outcome is None
        and asked.HasField("expected_version")
        and asked.expected_version != slot.version
    ):
        raise refuse(
            errors_pb2.PLATFORM_ERROR_VERSION_MISMATCH,
            f"Expected version {asked.expected_version}, got {slot.version}",
            expected=str(asked.expected_version),
            actual=str(slot.version),
        )


def _records(command: Command, slots: list[Slot], decision: Decision, catalogue: Catalogue) -> tuple[NewRecord, ...]:
    context = command.context
    origin = Origin.of(command, context.command_id)
    records = [
        record
        for slot, events in zip(slots, decision.events, strict=False)
        for record in envelopes(slot.stream, slot.version, events, origin)
    ]
    if decision.commands:
        sender = Sender(context.command_id, context.correlation_id, command.call.traceparent, context.actor)
        records += sent(catalogue, decision.commands, sender)
    return tuple(records)


def _answer(command: Command, slots: list[Slot], decision: Decision) -> Any:
    """The response with the receipt as it is stored: all but the token, which the log gives."""
    first = slots[0]
    version = first.version + (len(decision.events[0]) if decision.events else 0)
    aggregate_id = first.stream.removeprefix(f"{first.aggregate.category}-")
    answer = command.response(SUCCEEDED, aggregate_id, version)
    if decision.response is not None:
        answer.MergeFrom(decision.response)
    if decision.replayed:
        answer.receipt.replayed = True
    return answer
