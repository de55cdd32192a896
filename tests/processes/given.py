"""given / when / then for any process manager, in memory: what its instance knows, an input, and what it leads to.

    given(FULFILMENT, *its_own_events).when(an_event, cause()).then(
        events=(…,), commands=(…,), timers=(Timer("reserve", 30),), cancels=("authorize",)
    )

`given` takes the instance's own events, oldest first, as they stand in its stream; timers are not among them. `when`
takes an event that it follows, `fired(name)` for a timer of its own, or `refused(request)` and `failed(request)` for
what became of a command that it sent. Each case ends in one `then…`, which gives the instance as it is afterwards.

Beside what is expected every case checks what is true of any process manager: reacting twice gives the same, changes
neither the input nor the state, emits only events that its state knows, and sends only what its contracts take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import protovalidate
from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, Refusal, TimerFired
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.process import Cause, Process, Reaction, Timer

NOW = Timestamp(seconds=1_700_000_000)
OURS = (TimerFired, CommandRefused, CommandFailed)


def cause(
    record_id: str = "record-1", time: Timestamp = NOW, stream: str = "", correlation_id: str = "correlation-1"
) -> Cause:
    """A cause; everything of it has a value where the case does not matter."""
    return Cause(record_id, time, stream, correlation_id)


def fired(name: str, due: Timestamp = NOW, instance: str = "") -> TimerFired:
    """A timer of its own that was due."""
    return TimerFired(process_instance=instance, name=name, due_time=due)


def refused(
    request: Message, reason: str = "NOT_POSSIBLE", text: str = "It is not possible.", instance: str = ""
) -> CommandRefused:
    """The refusal of a command that it sent."""
    kind = request.DESCRIPTOR.full_name
    return CommandRefused(type=kind, refusal=Refusal(reason=reason, text=text), process_instance=instance)


def failed(request: Message, error: str = "It went wrong.", instance: str = "") -> CommandFailed:
    """The failure of a command that it sent."""
    return CommandFailed(type=request.DESCRIPTOR.full_name, error=error, process_instance=instance)


@dataclass(frozen=True)
class Given:
    """What an instance has noted so far."""

    process: Process
    events: tuple[Message, ...]

    def when(self, event: Message, cause: Cause | None = None) -> When:
        return When(self.process, self.events, event, cause or _CAUSE)

    @property
    def state(self) -> Any:
        return evolved(self.process, self.process.state.initial, self.events)


@dataclass(frozen=True)
class When:
    """An input on what an instance knows; checked by exactly one of `then…`."""

    process: Process
    events: tuple[Message, ...]
    event: Message
    cause: Cause

    def then(
        self,
        events: Sequence[Message] = (),
        commands: Sequence[Message] = (),
        timers: Sequence[Timer] = (),
        cancels: Sequence[str] = (),
    ) -> Given:
        """Exactly this, in this order; gives the instance as it is afterwards."""
        reaction = self.reaction()
        assert list(reaction.events) == list(events)
        assert list(reaction.commands) == list(commands)
        assert list(reaction.timers) == list(timers)
        assert list(reaction.cancels) == list(cancels)
        return Given(self.process, (*self.events, *reaction.events))

    def then_nothing(self) -> Given:
        """The input changes nothing."""
        return self.then()

    def reaction(self) -> Reaction:
        """What it leads to, for a `then` of the test's own; checks what is true of any process manager."""
        process, known = self.process, given(self.process, *self.events)
        assert isinstance(self.event, (*process.reacts_to, *OURS)), f"{process.name} does not follow it"
        before, state = self.event.SerializeToString(deterministic=True), known.state
        reaction = process.react(self.event, self.cause, state)
        assert self.event.SerializeToString(deterministic=True) == before, "the input was changed"
        assert state == known.state, "the state was changed"
        assert process.react(self.event, self.cause, state) == reaction, "the same again gives something else"
        evolved(process, state, reaction.events)
        for command in reaction.commands:
            protovalidate.validate(command)
        return reaction


def given(process: Process, *events: Message) -> Given:
    """The instance's own events so far, oldest first."""
    return Given(process, events)


def evolved(process: Process, state: Any, events: Sequence[Message]) -> Any:
    """The state after more of its own events, each of which it must know."""
    for event in events:
        assert isinstance(event, process.state.events), f"{type(event).__name__} is no event of {process.name}"
        state = process.state.evolve(state, event)
    return state


_CAUSE = cause()
