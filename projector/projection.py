"""What a domain fulfils on the read side: pure functions from events to the absolute contents of views."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message

from runtime.time_score import time_score as time_score  # for indexes in order of time


@dataclass(frozen=True, slots=True)
class Fact:
    """A record of the log as a projection sees it."""

    position: int
    record: Record
    event: Any
    """The message that the record holds."""
    epoch: str = ""
    """The epoch of the log: with the position, the token of the record."""


@dataclass(frozen=True, slots=True)
class ViewKey:
    """A view of a projection: its message type and its key, e.g. (OrderView, "order:1")."""

    type: type[Message]
    key: str


Views = Mapping[str, Any]
"""The views that a projection asked for, by key; None where there is none yet."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A member of an index, which is a sorted list of view keys."""

    index: str
    """E.g. "customer:7"."""
    key: str
    """The key of the view that a list shows, e.g. "order:1"."""
    score: int | None
    """Its place, unique in the index (the position of the record that created the entity, or a `time_score`), but for
    one that is only ever read from its top; None takes it out."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a record makes of the views: absolute contents, never differences."""

    views: Mapping[str, Message | None] = field(default_factory=dict)
    """New contents by key; None removes the view."""
    indexes: tuple[IndexEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """A set of views with one checkpoint."""

    name: str
    """`<domain>.<views>`, e.g. "shop.orders"."""
    handles: tuple[type[Message], ...]
    """The events that it is made of; every other record only moves the checkpoint."""
    needs: Callable[[Fact, Views], tuple[ViewKey, ...]]
    """(fact, views read so far) → the views that `apply` needs; asked again until it names nothing new."""
    apply: Callable[[Fact, Views], Changes]
    """(fact, views) → what becomes of them."""
