"""Step 6, what a process manager reacts to: records of the log and timers, each with the instance that it concerns."""

from dataclasses import dataclass
from typing import Any

from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, TimerFired
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.event_log import LogFilter
from command_service.process import Cause, Process
from command_service.work_queue import DueTimer
from runtime.record import Logged
from runtime.upcast import decode

_OF_ITS_COMMANDS = (CommandRefused, CommandFailed)


@dataclass(frozen=True, slots=True)
class Input:
    """Something that one instance of a process manager reacts to."""

    instance: str
    event: Any
    """The event's message; of a timer a TimerFired."""
    cause: Cause
    key: str
    """What makes it one input, whenever it comes: the record's id, or the timer's key and where it was set."""
    position: int
    """Of its record; of a timer that of its TimerSet."""
    traceparent: str = ""
    actor: str = ""
    timer: DueTimer | None = None


class Unreadable(Exception):
    """What a record holds does not decode, or its instance cannot be told."""

    def __init__(self, record: Record, error: Exception) -> None:
        super().__init__(f"{record.type} {record.id}: {error}")
        self.kind = f"{record.type} {record.id}"
        self.error = error


def followed(process: Process) -> LogFilter:
    """The records among which a process manager's inputs are."""
    messages: tuple[type[Message], ...] = (*process.reacts_to, *_OF_ITS_COMMANDS)
    types = (each.DESCRIPTOR.full_name for each in messages)
    return LogFilter(types=tuple(dict.fromkeys(types)))


def input_of(process: Process, logged: Logged) -> Input | None:
    """What a record is to a process manager; None when it concerns no instance. Raises Unreadable."""
    record = Record.FromString(logged.record)
    try:
        event: Any = decode(record)
        instance = _instance(process, event)
    except Exception as error:
        raise Unreadable(record, error) from error
    if not instance:
        return None
    cause = Cause(record.id, record.time, record.stream, record.correlation_id)
    return Input(instance, event, cause, record.id, logged.position, record.traceparent, record.actor)


def input_of_timer(process: Process, timer: DueTimer, logged: Logged) -> Input:
    """What a timer that is due is to a process manager; `logged` is the record that set it, and causes what follows."""
    record = Record.FromString(logged.record)
    due = Timestamp()
    due.FromDatetime(timer.due_time)
    instance = timer.stream.removeprefix(f"{process.name}-")
    event = TimerFired(process=process.name, process_instance=instance, name=timer.name, due_time=due)
    cause = Cause(record.id, due, record.stream, record.correlation_id)
    key = f"{timer.key}@{timer.position}"
    return Input(instance, event, cause, key, timer.position, record.traceparent, record.actor, timer)


def _instance(process: Process, event: Any) -> str | None:
    if isinstance(event, _OF_ITS_COMMANDS):
        return event.process_instance if event.process == process.name else None
    return process.instance(event)
