"""One projection while it runs: its checkpoint, its state, the views it remembers."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import structlog
from google.protobuf.message import Message
from prometheus_client import Counter, Gauge

from projector.consume import Verified
from projector.fold import Failed, Fold
from projector.projection import Fact, Projection
from projector.views import Checkpoint, Outcome, Place, State, Step

RUNNING, CATCHING_UP, STOPPED = "RUNNING", "CATCHING_UP", "STOPPED"
SINGLE_LINES = 16
"""The most updates of a batch that are told one by one; of more, only how many they were."""

_POSITION = Gauge("obverse_projection_position", "The projection's checkpoint.", ["projection"])
_STOPPED = Gauge("obverse_projection_stopped", "1 when the projection has stopped.", ["projection"])
_RECORDS = Counter("obverse_projection_records_total", "Records that the projection has passed.", ["projection"])

log = structlog.get_logger()


class Runner:
    """A projection at work."""

    def __init__(self, projection: Projection, cached_views: int) -> None:
        self.projection = projection
        self.name = projection.name
        self.handles = frozenset(message.DESCRIPTOR.full_name for message in projection.handles)
        self.generation = "1"
        self.checkpoint: Checkpoint | None = None
        self.state = State()
        self._target: int | None = None
        self._cached_views = cached_views
        self._known: dict[str, Any] = {}
        self._position = _POSITION.labels(self.name)
        self._records = _RECORDS.labels(self.name)

    @property
    def position(self) -> int:
        """Of the last record that the views show."""
        return self.checkpoint.position if self.checkpoint else 0

    @property
    def stopped(self) -> bool:
        """Whether it waits for somebody to put something right."""
        return self.state.state == STOPPED

    def adopt(self, place: Place) -> None:
        """Go on from what is stored; views that were there and are not, or were never there, are caught up."""
        lost = place.checkpoint is None or place.checkpoint.position < self.position
        unfinished = place.state.state == CATCHING_UP and self.state.state in ("", CATCHING_UP)
        self._target = max(self._target or 0, self.position) if lost else self._target
        self.generation, self.checkpoint = place.generation, place.checkpoint
        self._known = {}
        self._position.set(self.position)
        self._enter(CATCHING_UP if lost or unfinished else RUNNING)

    def head_is(self, position: int) -> None:
        """Learn where the log ends: the target of catching up is fixed by the first time."""
        if self.state.state == CATCHING_UP:
            self._target = max(self._target or 0, position) if self._target in (None, 0) else self._target
            if self.position >= (self._target or 0):
                self._caught_up()

    def stop(self, error: str, position: int, record_type: str) -> None:
        """Stop here, alone; a restart after a fix tries the record again."""
        self._known = {}
        self.state = State(STOPPED, error, position, record_type)
        _STOPPED.labels(self.name).set(1)
        log.error("Projection stopped", projection=self.name, error=error, position=position, type=record_type)

    def fold(self, records: Sequence[Verified], events: dict[int, Message | Exception]) -> Fold:
        """Begin to fold records; what a record holds that does not decode ends before it."""
        facts: list[Fact] = []
        for each in records:
            if each.record.type in self.handles:
                event = events[each.position]
                if isinstance(event, Exception):
                    raise Failed(each.position, each.record.type, event)
                facts.append(Fact(each.position, each.record, event, each.epoch))
        return Fold(self.projection, facts, self._known)

    def forget(self) -> None:
        """Read every view anew: what is remembered may be half of something that failed."""
        self._known = {}

    def step(self, fold: Fold, last: Verified, absent: Sequence[str]) -> Step:
        """What a fold that went up to `last` asks of the store."""
        views = {key: None if view is None else view.SerializeToString() for key, view in fold.changed.items()}
        after = Checkpoint(last.epoch, last.position, last.chain, last.time)
        return Step(self.name, self.generation, self.checkpoint, after, views, fold.indexes, absent)

    def overtaken(self, checkpoint: Checkpoint) -> None:
        """Another projector has applied the records up to here."""
        self._known = {}
        self.checkpoint = checkpoint

    def applied(self, fold: Fold, outcome: Outcome) -> None:
        """The store has taken the step."""
        passed = -self.position
        self.checkpoint = outcome.checkpoint
        self._records.inc(passed + self.position)
        self._position.set(self.position)
        if len(self._known) > 2 * self._cached_views:
            # All at once: taking the first key out of a dict again and again passes over all that was taken before.
            self._known = dict(islice(self._known.items(), len(self._known) - self._cached_views, None))
        if self.state.state == CATCHING_UP and self._target is not None and self.position >= self._target > 0:
            self._caught_up()
        self._tell(fold)

    def _caught_up(self) -> None:
        self._target = None
        self._enter(RUNNING)

    def _enter(self, state: str) -> None:
        if state != self.state.state:
            log.info(f"Projection {state}", projection=self.name, position=self.position)
        self.state = replace(State(state), oldest_time=self.state.oldest_time)
        _STOPPED.labels(self.name).set(0)

    def _tell(self, fold: Fold) -> None:
        updates = fold.updates
        if len(updates) > SINGLE_LINES:
            log.info(f"Read models of {len(updates)} events updated", projection=self.name, position=self.position)
            return
        for fact, views in updates:
            for key in views:
                kind, _, name = key.partition(":")
                log.info(f"Read model updated for {kind} {name} due to {fact.record.type.rpartition('.')[2]}")
