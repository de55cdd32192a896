"""Folds events into a projection's views and lists in memory, as the projector does with its store."""

from collections.abc import Iterable
from typing import Any

from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import event as event_option
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from projector.projection import Fact, Projection

START_SECONDS = 1_700_000_000


def at(position: int) -> Timestamp:
    """The time of the record at a position: one second after the other."""
    return Timestamp(seconds=START_SECONDS + position)


class Folded:
    """What a projection has made of the events so far."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.views: dict[str, Any] = {}
        self.lists: dict[str, dict[str, int]] = {}
        self.position = 100
        self.versions: dict[str, int] = {}

    def fold(self, *events: Message) -> "Folded":
        """Apply events, each at the next position; what a projection was given stays as it was."""
        for event in events:
            self.position += 1
            self._apply(Fact(self.position, self._record(event), event))
        return self

    def newest_first(self, name: str) -> list[str]:
        """The keys of a list as it is shown."""
        entries = self.lists.get(name, {})
        return sorted(entries, key=lambda key: -entries[key])

    def _record(self, event: Any) -> Record:
        category = event.DESCRIPTOR.GetOptions().Extensions[event_option].aggregate
        ids = {"shop.cart": "user_id", "shop.stock": "sku"}
        stream = f"{category}-{getattr(event, ids.get(category, 'order_id'))}"
        self.versions[stream] = self.versions.get(stream, 0) + 1
        return Record(
            type=event.DESCRIPTOR.full_name,
            stream=stream,
            version=self.versions[stream],
            time=at(self.position),
        )

    def _apply(self, fact: Fact) -> None:
        needed = {need.key: self.views.get(need.key) for need in self.projection.needs(fact, {})}
        before = _bytes(needed.values())
        changes = self.projection.apply(fact, needed)
        assert _bytes(needed.values()) == before
        self.views.update(changes.views)
        self.views = {key: view for key, view in self.views.items() if view is not None}
        for entry in changes.indexes:
            entries = self.lists.setdefault(entry.index, {})
            if entry.score is None:
                entries.pop(entry.key, None)
            else:
                entries[entry.key] = entry.score


def _bytes(views: Iterable[Message | None]) -> list[bytes | None]:
    return [None if view is None else view.SerializeToString(deterministic=True) for view in views]
