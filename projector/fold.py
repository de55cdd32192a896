"""Step 8: a run of records folded into one projection's views, in memory and without side effects."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from projector.projection import Fact, Projection, ViewKey, Views


class Failed(Exception):
    """A projection raised on a record, or the record's bytes do not decode."""

    def __init__(self, fact_position: int, record_type: str, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.position = fact_position
        self.type = record_type


class Fold:
    """One projection's part in a batch: what it knows of its views, and what it makes of them."""

    def __init__(self, projection: Projection, facts: Sequence[Fact], known: dict[str, Any]) -> None:
        self._projection = projection
        self._facts = facts
        self._done = 0
        self._asked: dict[int, tuple[ViewKey, ...]] = {}
        self.known = known
        """Views by key, as of the facts folded so far; None for one that is not there."""
        self.changed: dict[str, Message | None] = {}
        self.indexes: dict[str, dict[str, int | None]] = {}
        self.updates: list[tuple[Fact, Mapping[str, Message | None]]] = []
        """Which fact changed which views, in order."""

    @property
    def idle(self) -> bool:
        """Whether no record of the batch is the projection's: only its checkpoint moves."""
        return not self._facts

    def missing(self) -> dict[str, type[Message]]:
        """Fold as far as the known views reach; gives the views that must be `learned` before calling again, none at
        the end. Later facts are asked what they need before their turn, so that a batch takes few rounds of reading.
        Raises Failed."""
        while self._done < len(self._facts):
            wanted = self._step(self._facts[self._done], apply=True)
            if wanted:
                for fact in self._facts[self._done + 1 :]:
                    wanted |= self._step(fact, apply=False)
                return wanted
            self._done += 1
        return {}

    def learn(self, views: Mapping[str, Any]) -> None:
        """Take views that were read."""
        for key, view in views.items():
            self.known.setdefault(key, view)

    def _step(self, fact: Fact, apply: bool) -> dict[str, type[Message]]:
        try:
            views: dict[str, Any] = {}
            first = self._asked.pop(fact.position, None)
            if first is None:
                first = self._projection.needs(fact, views)
            if not apply:
                self._asked[fact.position] = first
            new = [*first]
            while new:
                unknown = {key.key: key.type for key in new if key.key not in self.known}
                if unknown:
                    return unknown
                self._look_up(new, views)
                new = [key for key in self._projection.needs(fact, views) if key.key not in views]
            if apply:
                self._apply(fact, views)
            return {}
        # Whatever a projection raises stops it, and it alone.
        except Exception as error:
            if not apply:
                return {}  # It is asked again in its turn, when all that came before it is known.
            raise Failed(fact.position, fact.record.type, error) from error

    def _look_up(self, keys: Sequence[ViewKey], views: dict[str, Any]) -> None:
        for key in keys:
            views[key.key] = self.known[key.key]

    def _apply(self, fact: Fact, views: Views) -> None:
        changes = self._projection.apply(fact, views)
        self.known.update(changes.views)
        self.changed.update(changes.views)
        for entry in changes.indexes:
            self.indexes.setdefault(entry.index, {})[entry.key] = entry.score
        if changes.views:
            self.updates.append((fact, changes.views))
