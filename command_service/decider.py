"""What a domain fulfils on the write side: pure functions of state and command, without clock, ids or I/O."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
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
    outcome: Any = None
    """What the command's effect came to; None before it has run, and where there is none."""


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


class HeldId(str):
    """The id of a further stream, where only the state of the first one knows it: the name of the attribute there.

    An empty attribute, as that of a first stream which does not exist, stands for a stream without events."""


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
    replayed: bool = False
    """True for a quiet decision that answers with the result of an earlier command, e.g. under the same transfer id."""
    commands: tuple[Message, ...] = ()
    """Requests of other commands to carry out afterwards: accepted in the same append, or not at all. Each goes to its
    own channel under an id derived from this command's; what their contexts hold is not used."""


QUIET = Decision()
"""Nothing to do: the command's effect is there already."""

NEEDS_EFFECT = Decision()
"""What the command leads to depends on the world: run its effect, then decide again with `Context.outcome`."""


def happened(*events: Message, commands: tuple[Message, ...] = ()) -> Decision:
    """The decision whose events all go to the first stream, and the commands that it sends."""
    return Decision(events=(events,), commands=commands)


class Retry(Exception):
    """Raised by an effect, with the reason: nothing is appended, an attempt is counted, and it is tried again."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a command does in the world; only asynchronous commands have one, and only a worker runs it."""

    port: str
    """The name under which the worker holds the adapter, e.g. "payments"."""
    run: Callable[..., Awaitable[Any]]
    """async (command, port, *states) → the outcome, for `Context.outcome`; raises Retry. It may run again after a
    crash: what it asks of the world carries a key derived from `command.context.command_id`."""


def _unclaimed(scope: str, value: str) -> Refused:
    raise TypeError(f"a decision claimed {scope} {value!r}, but its Decider does not say what a taken one means")


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides the commands of one service."""

    service: str
    """Full name of the protobuf service, e.g. "cqrs.shop.v1.CartCommandService"; each of its RPCs is a command."""
    reads: Callable[[Any, Context], tuple[tuple[Aggregate, str], ...]]
    """(command, context) → the streams that the decision reads, as (aggregate, id); the first is the receipt's, and the
    id of another may be a HeldId."""
    decide: Callable[..., Decision]
    """(command, context, *states in the order of `reads`) → decision; raises Refused."""
    taken: Callable[[str, str], Refused] = _unclaimed
    """(scope, value) → the refusal when somebody else holds a claim; needed where `decide` claims."""
    effects: Mapping[type[Message], Effect] = field(default_factory=dict)
    """The effect of each request that has one. Its command is decided without an outcome first: a refusal or a quiet
    decision ends it there, NEEDS_EFFECT runs the effect and decides again with the outcome."""
