"""What a domain fulfils on the write side: pure functions of state and command, without clock, ids or I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from runtime.refusals import Refused


@dataclass(frozen=True, slots=True)
class Context:
    """What comes with a command besides its own fields; set once, at acceptance, the same on every attempt."""

    command_id: str
    time: Timestamp
    """The server's time of acceptance; the time of the events."""
    new_id: str
    """A UUIDv7 for an aggregate that the command creates without naming it."""
    correlation_id: str = ""
    actor: str = ""
    """The authenticated principal; empty where nobody was authenticated."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A kind of stream and what its events add up to."""

    category: str
    """`<domain>.<aggregate>`, e.g. "shop.order"; a stream is `<category>-<id>`."""
    initial: Any
    """The immutable state of a stream without events."""
    evolve: Callable[[Any, Any], Any]
    """(state, event) → state after it."""
    events: tuple[type[Message], ...]
    """Every event message that evolve knows."""

    def stream(self, aggregate_id: str) -> str:
        """The name of one stream of this kind."""
        return f"{self.category}-{aggregate_id}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A name that only one owner may hold at a time, e.g. a username."""

    scope: str
    value: str
    owner: str
    release: bool = False
    """True gives it back instead of taking it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command leads to; without events it is quiet: a success that changes nothing."""

    events: tuple[tuple[Message, ...], ...] = ()
    """The events of each stream, in the order of `Decider.reads`."""
    claims: tuple[Claim, ...] = ()
    response: Message | None = None
    """The response's own fields, where it has more than the receipt."""


QUIET = Decision()
"""Nothing to do: the command's effect is there already."""


def happened(*events: Message) -> Decision:
    """The decision whose events all go to the first stream."""
    return Decision(events=(events,))


def _unclaimed(scope: str, value: str) -> Refused:
    raise TypeError(f"a decision claimed {scope} {value!r}, but its Decider does not say what a taken one means")


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides the commands of one service."""

    service: str
    """Full name of the protobuf service, e.g. "cqrs.shop.v1.CartCommandService"; each of its RPCs is a command."""
    reads: Callable[[Any, Context], tuple[tuple[Aggregate, str], ...]]
    """(command, context) → the streams that the decision reads, as (aggregate, id); the first is the receipt's."""
    decide: Callable[..., Decision]
    """(command, context, *states in the order of `reads`) → decision; raises Refused."""
    taken: Callable[[str, str], Refused] = _unclaimed
    """(scope, value) → the refusal when somebody else holds a claim; needed where `decide` claims."""
