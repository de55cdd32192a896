"""given / when / then for the shop, in memory: events that happened, a command, and what it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import protovalidate
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.code_pb2 import Code

from command_service.decider import NEEDS_EFFECT, Context, Decider, Decision
from command_service.domains.shop import DECIDERS
from command_service.immutable import immutable
from runtime.refusals import Refused

NOW = Timestamp(seconds=1_700_000_000)
NEW_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
CONTEXT = Context(command_id="command-1", time=NOW, new_id=NEW_ID)


def decider_of(command: Message) -> Decider:
    """The one decider whose service has an RPC with this request."""
    services = command.DESCRIPTOR.file.services_by_name
    for decider in DECIDERS:
        service = services.get(decider.service.rpartition(".")[2])
        if service and any(method.input_type is command.DESCRIPTOR for method in service.methods):
            return decider
    raise LookupError(f"no decider decides {command.DESCRIPTOR.full_name}")


def decided(command: Message, state: Any, context: Context = CONTEXT) -> tuple[Message, ...]:
    """The events of a command on a state; it is valid by its contract, and deciding leaves its bytes alone."""
    protovalidate.validate(command)
    before = command.SerializeToString(deterministic=True)
    try:
        decision = decider_of(command).decide(immutable(command), context, state)
    finally:
        assert command.SerializeToString(deterministic=True) == before
    return decision.events[0] if decision.events else ()


def evolved(command: Message, events: tuple[Message, ...], state: Any = None) -> Any:
    """The state of the aggregate that the command is about, after the events."""
    aggregate, _ = decider_of(command).reads(command, CONTEXT)[0]
    state = aggregate.initial if state is None else state
    for event in events:
        state = aggregate.evolve(state, event)
    return state


@dataclass(frozen=True)
class Given:
    """What has happened before."""

    events: tuple[Message, ...]

    def when(self, command: Message, context: Context = CONTEXT) -> When:
        return When(self.events, command, context)


@dataclass(frozen=True)
class When:
    """A command on what has happened; checked by exactly one of `then…`."""

    events: tuple[Message, ...]
    command: Message
    context: Context

    def _decide(self) -> tuple[Message, ...]:
        return decided(self.command, evolved(self.command, self.events), self.context)

    def then(self, *expected: Message) -> None:
        """Exactly these events."""
        assert self._decide() == expected

    def then_quiet(self) -> None:
        """Success, and nothing happens."""
        assert self._decide() == ()

    def then_refused(self, code: str, reason: str, text: str) -> None:
        """Exactly this refusal; a wrong shape also says which field."""
        with pytest.raises(Refused) as caught:
            self._decide()
        assert (Code.Name(caught.value.code), caught.value.reason, caught.value.text) == (code, reason, text)
        assert bool(caught.value.fields) == (code == "INVALID_ARGUMENT")


def given(*events: Message) -> Given:
    """The events of the aggregate so far, oldest first."""
    return Given(events)


@dataclass(frozen=True)
class GivenStreams:
    """What has happened before, by stream: for commands that read several."""

    events: Mapping[str, Sequence[Message]]

    def when(self, command: Message, outcome: Any = None, context: Context = CONTEXT) -> WhenStreams:
        return WhenStreams(self.events, command, replace(context, outcome=outcome))


@dataclass(frozen=True)
class WhenStreams:
    """A command on what has happened; checked by exactly one of `then…`."""

    events: Mapping[str, Sequence[Message]]
    command: Message
    context: Context

    def decision(self) -> Decision:
        """What the command leads to; it is valid by its contract, and all that it sends is."""
        protovalidate.validate(self.command)
        decider = decider_of(self.command)
        states = []
        for aggregate, aggregate_id in decider.reads(self.command, self.context):
            state = aggregate.initial
            for event in self.events.get(aggregate.stream(aggregate_id), ()):
                state = aggregate.evolve(state, event)
            states.append(state)
        decision = decider.decide(immutable(self.command), self.context, *states)
        for sent in decision.commands:
            protovalidate.validate(sent)
        return decision

    def streams(self) -> list[list[Message]]:
        """The events of each stream, in the order of `Decider.reads`."""
        return [list(events) for events in self.decision().events]

    def then_streams(self, *expected: Sequence[Message], commands: Sequence[Message] = ()) -> None:
        """Exactly these events of each stream, and these commands; streams at the end may be left out."""
        decision = self.decision()
        happened = [list(events) for events in decision.events]
        assert happened[: len(expected)] == [list(events) for events in expected]
        assert not any(happened[len(expected) :])
        assert list(decision.commands) == list(commands)

    def then_asks_the_world(self) -> None:
        """It depends on the command's effect."""
        assert self.decision() is NEEDS_EFFECT

    def then_quiet(self) -> None:
        """Success, and nothing happens."""
        decision = self.decision()
        assert decision is not NEEDS_EFFECT
        assert not any(decision.events)
        assert not decision.commands

    def then_refused(self, code: str, reason: str, text: str) -> None:
        """Exactly this refusal."""
        with pytest.raises(Refused) as caught:
            self.decision()
        assert (Code.Name(caught.value.code), caught.value.reason, caught.value.text) == (code, reason, text)


def given_streams(events: Mapping[str, Sequence[Message]]) -> GivenStreams:
    """The events of each stream so far, oldest first, by the stream's name."""
    return GivenStreams(events)
