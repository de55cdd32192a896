"""Folds the facts of a book into a projection's views and lists in memory, as the projector does with its store."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

from projector.projection import Fact, Projection
from tests.bank.book import Book


class Folded:
    """What a projection has made of the facts so far."""

    def __init__(self, projection: Projection, book: Book | None = None) -> None:
        self.projection = projection
        self.views: dict[str, Any] = {}
        self.lists: dict[str, dict[str, int]] = {}
        for fact in book.facts if book else ():
            self.take(fact)

    def take(self, fact: Fact) -> None:
        """Apply one fact; applied once more it gives the same, and what the projection was given stays as it was."""
        if not isinstance(fact.event, self.projection.handles):
            return
        needed = {need.key: self.views.get(need.key) for need in self.projection.needs(fact, {})}
        before = _bytes(needed.values())
        changes = self.projection.apply(fact, needed)
        assert changes == self.projection.apply(fact, needed)
        assert _bytes(needed.values()) == before
        self.views.update(changes.views)
        for entry in changes.indexes:
            entries = self.lists.setdefault(entry.index, {})
            if entry.score is None:
                del entries[entry.key]
            else:
                entries[entry.key] = entry.score

    def newest_first(self, name: str) -> list[str]:
        """The keys of a list as it is shown."""
        entries = self.lists.get(name, {})
        assert len(set(entries.values())) == len(entries)
        return sorted(entries, key=lambda key: -entries[key])


def _bytes(views: Iterable[Message | None]) -> list[bytes | None]:
    return [None if view is None else view.SerializeToString(deterministic=True) for view in views]
