"""What a process manager is: a decider whose inputs are events and whose outputs are commands and timers; pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.decider import Aggregate


@dataclass(frozen=True, slots=True)
class Cause:
    """What a process manager may know of its input besides the message."""

    record_id: str
    """The id of the record; the commands that are sent derive theirs from it and are caused by it."""
    time: Timestamp
    """The record's time; for a timer the moment when it was due. Deadlines are counted from here."""
    stream: str = ""
    """The record's stream."""
    correlation_id: str = ""
    """Passed on to every command that is sent."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Wakes the instance: `react` then gets a cqrs.admin.v1.TimerFired of this name."""

    name: str
    """Unique within the instance; setting it again moves it."""
    seconds: float
    """How long after the cause's time it is due; exact to a second."""

    def __post_init__(self) -> None:
        """Raises ValueError for a name with '/', which ends the instance's id in a timer's key."""
        if "/" in self.name:
            raise ValueError(f"A timer's name must not contain '/', as {self.name!r} does")


@dataclass(frozen=True, slots=True)
class Reaction:
    """What an input leads to; all of it is appended together, once."""

    events: tuple[Message, ...] = ()
    """The instance's own events, for its own stream."""
    commands: tuple[Message, ...] = ()
    """Requests of commands, sent asynchronously, each on its own channel."""
    timers: tuple[Timer, ...] = ()
    cancels: tuple[str, ...] = ()
    """Names of timers that are not needed any more; one that is not set is no error."""


NO_REACTION = Reaction()
"""The input changes nothing."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process manager: one instance for each thing that it follows, e.g. for each order."""

    state: Aggregate
    """The kind of its own stream, e.g. "shop.fulfilment"; its category is the process manager's name."""
    reacts_to: tuple[type[Message], ...]
    """The events that it follows. Beside them, without naming them, it gets TimerFired of its own timers, and
    CommandRefused and CommandFailed (cqrs.admin.v1) of the commands that it sent."""
    instance: Callable[[Any], str | None]
    """event → the id of the instance that it concerns; None when it concerns none. Not asked for the three above."""
    react: Callable[[Any, Cause, Any], Reaction]
    """(input, cause, state) → reaction. An input may come again after a crash: only its first reaction counts."""

    @property
    def name(self) -> str:
        """The process manager's name, e.g. "shop.fulfilment"."""
        return self.state.category
