"""Step 8, the port: where views, indexes and checkpoints are kept, and an implementation in memory.

ViewsAway     the store is away: whether a step was applied is unknown, its checkpoint will tell
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol


class ViewsAway(Exception):
    """The store cannot be reached or does not take anything; what was asked may have been done."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a projection has come; it is written together with the views."""

    epoch: str
    position: int
    chain: bytes
    """The hash chain at the position: the same position of another history has another one."""
    time: float
    """When the record at the position was decided, Unix seconds."""


@dataclass(frozen=True, slots=True)
class State:
    """What a projection says about itself."""

    state: str = ""
    """RUNNING, CATCHING_UP (its views were lost and are being folded again) or STOPPED; empty for a new one."""
    error: str = ""
    position: int = 0
    """Of the record that stopped it; 0 otherwise."""
    type: str = ""
    """Of the record that stopped it."""
    oldest_time: float = 0.0
    """When the oldest record that is not projected yet was decided, Unix seconds; 0 when there is none."""


@dataclass(frozen=True, slots=True)
class SeenHead:
    """Where the log ended at a moment."""

    epoch: str
    position: int
    time: float
    """The moment, Unix seconds. It is the projector's heartbeat: older than 2 s, the lag is unknown."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is stored of a projection."""

    generation: str = "1"
    """The one that queries are answered from."""
    checkpoint: Checkpoint | None = None
    state: State = field(default_factory=State)


@dataclass(frozen=True, slots=True)
class Step:
    """What a run of records makes of one projection, in absolute contents; applied as a whole or not at all."""

    projection: str
    generation: str
    before: Checkpoint | None
    """The checkpoint that the contents were computed from."""
    after: Checkpoint
    views: Mapping[str, bytes | None] = field(default_factory=dict)
    """New contents by key; None removes the view."""
    indexes: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    """New scores by index and view key; None takes the key out."""
    absent: Sequence[str] = ()
    """The views that were not there when they were read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step."""

    checkpoint: Checkpoint | None
    """As it is stored now; the step's `after` when it was applied."""
    applied: bool
    """Whether this call did it. False also when somebody else had: the step may have been made from his views."""
    misshapen: str = ""
    """A key that holds something else than it should; nothing was written."""


class Views(Protocol):
    """The read models."""

    async def places(self, projections: Sequence[str]) -> Sequence[Place]:
        """What is stored of each, in their order."""

    async def read(self, wanted: Sequence[tuple[str, str, str]]) -> Sequence[bytes | None]:
        """The views at (projection, generation, key), in their order; None for one that is not there."""

    async def apply(self, steps: Sequence[Step]) -> Sequence[Outcome]:
        """Apply each step if its projection still stands at `before`, in their order; each by itself."""

    async def report(self, head: SeenHead | None, states: Mapping[str, State]) -> None:
        """Store what the projections say about themselves, and where the log ends if that is known."""


class MemoryViews:
    """Views in memory: for tests, and to fold a log without any store."""

    def __init__(self) -> None:
        self.views: dict[tuple[str, str, str], bytes] = {}
        self.indexes: dict[tuple[str, str, str], dict[str, int]] = {}
        self.checkpoints: dict[tuple[str, str], Checkpoint] = {}
        self.states: dict[str, State] = {}
        self.head: SeenHead | None = None

    async def places(self, projections: Sequence[str]) -> Sequence[Place]:
        """See Views."""
        return [Place("1", self.checkpoints.get((name, "1")), self.states.get(name, State())) for name in projections]

    async def read(self, wanted: Sequence[tuple[str, str, str]]) -> Sequence[bytes | None]:
        """See Views."""
        return [self.views.get(each) for each in wanted]

    async def apply(self, steps: Sequence[Step]) -> Sequence[Outcome]:
        """See Views."""
        return [self._applied(step) for step in steps]

    async def report(self, head: SeenHead | None, states: Mapping[str, State]) -> None:
        """See Views."""
        self.head = head or self.head
        self.states |= states

    def _applied(self, step: Step) -> Outcome:
        scope = (step.projection, step.generation)
        found = self.checkpoints.get(scope)
        if not same_place(found, step.before):
            return Outcome(found, applied=False)
        for key, content in step.views.items():
            if content is None:
                self.views.pop((*scope, key), None)
            else:
                self.views[*scope, key] = content
        for index, scores in step.indexes.items():
            merged = {**self.indexes.get((*scope, index), {}), **scores}
            self.indexes[*scope, index] = {key: score for key, score in merged.items() if score is not None}
        self.checkpoints[scope] = step.after
        return Outcome(step.after, applied=True)


def same_place(one: Checkpoint | None, other: Checkpoint | None) -> bool:
    """Whether two checkpoints mean the same place of the same history."""
    return (one and replace(one, time=0)) == (other and replace(other, time=0))
