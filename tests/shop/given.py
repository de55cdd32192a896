"""given / when / then for the shop, in memory: events that happened, a command, and what it leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import protovalidate
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.code_pb2 import Code

from command_service.decider import Context, Decider
from command_service.domains.shop import DECIDERS
from command_service.immutable import immutable
from runtime.refusals import Refused

NOW = Timestamp(seconds=1_700_000_000)
NEW_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
CONTEXT = Context(command_id="command-1", time=NOW, new_id=NEW_ID)


def decider_of(command: Message) -> Decider:
    """The one decider whose service has an RPC with this request."""
    file = command.DESCRIPTOR.file
    for decider in DECIDERS:
        service = file.services_by_name[decider.service.rpartition(".")[2]]
        if any(method.input_type is command.DESCRIPTOR for method in service.methods):
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
