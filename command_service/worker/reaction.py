"""Step 6, a reaction as an entry: an instance's events, its timers, the commands that it sends, once an input."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cqrs.admin.v1.events_pb2 import TimerCancelled, TimerFired, TimerSet
from cqrs.common.v1 import common_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.acceptance import Sender, sent
from command_service.catalogue import Catalogue
from command_service.command import derived_id, now
from command_service.decider import Aggregate
from command_service.event_log import Entry
from command_service.process import Process, Reaction
from command_service.records import Origin, envelopes
from command_service.worker.inputs import Input

_TIMERS = (TimerSet, TimerCancelled, TimerFired)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as its own stream tells it."""

    state: Any
    """What the process manager's own events add up to."""
    timers: Mapping[str, int] = field(default_factory=dict)
    """When each timer that is set is due, by its name, in microseconds since 1970."""

    def waits_for(self, fired: TimerFired) -> bool:
        """Whether that timer is still set for that moment."""
        return self.timers.get(fired.name) == fired.due_time.ToMicroseconds()


def instances(process: Process) -> Aggregate:
    """The process manager's kind of stream with the timers in it, of which its own `evolve` sees nothing."""
    own = process.state

    def evolve(instance: Instance, event: Message) -> Instance:
        match event:
            case TimerSet():
                return replace(instance, timers={**instance.timers, event.name: event.due_time.ToMicroseconds()})
            case TimerCancelled() | TimerFired():
                left = {name: due for name, due in instance.timers.items() if name != event.name}
                return replace(instance, timers=left)
        return replace(instance, state=own.evolve(instance.state, event))

    return Aggregate(own.category, Instance(own.initial), evolve, (*own.events, *_TIMERS))


def reaction_entry(
    process: Process, each: Input, read: tuple[str, int], instance: Instance, reaction: Reaction, catalogue: Catalogue
) -> tuple[Entry, tuple[Message, ...]]:
    """What a reaction asks of the log, and the records of the instance's own stream in it; `read` is that stream and
    the version that was reacted on. A reaction to nothing is kept too: it is the only one that counts."""
    cause = each.cause
    own = tuple(_own(process, each, instance, reaction))
    origin = Origin(now(), cause.correlation_id, cause.record_id, each.traceparent, each.actor)
    sender = Sender(cause.record_id, cause.correlation_id, each.traceparent, each.actor, process.name, each.instance)
    records = (*envelopes(*read, own, origin), *sent(catalogue, reaction.commands, sender))
    receipt = common_pb2.CommandReceipt(
        command_id=entry_id(process, each),
        state=common_pb2.COMMAND_STATE_SUCCEEDED,
        aggregate_id=each.instance,
        version=read[1] + len(own),
        time=origin.time,
        correlation_id=cause.correlation_id,
    )
    answer = common_pb2.CommandResponse(receipt=receipt).SerializeToString()
    return replace(check_entry(process, each, read), records=records, receipt=answer, state=receipt.state), own


def check_entry(process: Process, each: Input, read: tuple[str, int]) -> Entry:
    """Asks whether the input was reacted to already, and if not, whether the stream is still at that version."""
    return Entry(entry_id(process, each), hashlib.sha256(f"{process.name}/{each.key}".encode()).digest(), (read,))


def entry_id(process: Process, each: Input) -> str:
    """The command id of the reaction to an input: the same whenever the input comes."""
    return derived_id("reaction", process.name, each.key)


def _own(process: Process, each: Input, instance: Instance, reaction: Reaction) -> Iterator[Message]:
    """The records of the instance's own stream; where a timer is cancelled and set, it is set."""
    about = {"process": process.name, "process_instance": each.instance}
    is_set = set(instance.timers)
    if each.timer is not None:
        yield each.event
        is_set.discard(each.timer.name)
    yield from reaction.events
    for name in dict.fromkeys(reaction.cancels):
        if name in is_set:
            yield TimerCancelled(**about, name=name)
    for timer in reaction.timers:
        yield TimerSet(**about, name=timer.name, due_time=_due(each.cause.time, timer.seconds))


def _due(since: Timestamp, seconds: float) -> Timestamp:
    """Whole microseconds: what the table of timers can hold."""
    due = Timestamp()
    due.FromMicroseconds(since.ToMicroseconds() + round(seconds * 1_000_000))
    return due
