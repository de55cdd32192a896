"""Step 6: what the records of asynchronous commands, channels and timers mean to the tables of open work."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cqrs.admin.v1 import events_pb2 as events
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.work import Work, WorkKind


def work_of(stream: str, event: Message, most_open: int = 0) -> Work | None:
    """What a record of this event on this stream does to the tables of open work; nothing for a domain's event.

    `most_open` is how many commands may wait on the channel of a CommandAccepted, 0 any number.
    """
    make = _WORK.get(type(event))
    if make is None:
        return None
    work = make(stream, event)
    return replace(work, most_open=most_open) if most_open else work


def timer_key(process: str, instance: str, name: str) -> str:
    """The key of a timer in the table of timers."""
    return f"{process}/{instance}/{name}"


def _opened(_stream: str, event: events.CommandAccepted) -> Work:
    due = _time(event.due_time) if event.HasField("due_time") else None
    hashed = event.request_hash
    return Work(WorkKind.OPEN, event.command_id, event.channel, event.stream, event.type, due, request_hash=hashed)


def _ended(kind: WorkKind) -> Callable[[str, Any], Work]:
    return lambda _stream, event: Work(kind, event.command_id, event.channel, run_millis=event.run_millis)


def _failed(_stream: str, event: events.CommandFailed) -> Work:
    return Work(WorkKind.FAILED, event.command_id, event.channel, run_millis=event.run_millis, text=event.error)


def _by_operator(kind: WorkKind) -> Callable[[str, Any], Work]:
    return lambda _stream, event: Work(kind, event.command_id, event.channel)


def _paused(_stream: str, event: events.ChannelPaused) -> Work:
    return Work(WorkKind.PAUSE, event.channel, event.channel, text=event.reason)


def _resumed(_stream: str, event: events.ChannelResumed) -> Work:
    return Work(WorkKind.RESUME, event.channel, event.channel)


def _timer_set(stream: str, event: events.TimerSet) -> Work:
    key = timer_key(event.process, event.process_instance, event.name)
    return Work(WorkKind.SET_TIMER, key, stream=stream, type=event.process, due=_time(event.due_time), text=event.name)


def _timer_cleared(_stream: str, event: events.TimerCancelled | events.TimerFired) -> Work:
    return Work(WorkKind.CLEAR_TIMER, timer_key(event.process, event.process_instance, event.name))


def _time(time: Timestamp) -> datetime:
    return time.ToDatetime(UTC)


_WORK: Mapping[type[Message], Callable[[str, Any], Work]] = {
    events.CommandAccepted: _opened,
    events.CommandSucceeded: _ended(WorkKind.SUCCEEDED),
    events.CommandRefused: _ended(WorkKind.REFUSED),
    events.CommandFailed: _failed,
    events.FailedCommandRetried: _by_operator(WorkKind.REOPEN),
    events.FailedCommandDiscarded: _by_operator(WorkKind.DISCARD),
    events.ScheduledCommandCancelled: _by_operator(WorkKind.CANCEL),
    events.ChannelPaused: _paused,
    events.ChannelResumed: _resumed,
    events.TimerSet: _timer_set,
    events.TimerCancelled: _timer_cleared,
    events.TimerFired: _timer_cleared,
}
