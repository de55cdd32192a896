"""The log of a world: its events as records, folded by the projections and, apart from them, plainly."""

from typing import Any

from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import event as event_option
from google.protobuf.message import Message

from projector.domains.shop import PROJECTIONS
from projector.projection import Fact
from tests.checker import Snapshot, view_faults
from tests.plain_fold import Folded
from tests.shop.folding import at

IDS = {"shop.cart": "user_id", "shop.stock": "sku"}


def records_of(events: list[Any]) -> list[Record]:
    """Each event in its envelope, one second after the other."""
    versions: dict[str, int] = {}
    records = []
    for position, event in enumerate(events, 1):
        category = event.DESCRIPTOR.GetOptions().Extensions[event_option].aggregate
        stream = f"{category}-{getattr(event, IDS.get(category, 'order_id'))}"
        versions[stream] = versions.get(stream, 0) + 1
        record = Record(id=f"record-{position}", type=event.DESCRIPTOR.full_name, stream=stream)
        record.version, record.actor, record.correlation_id = versions[stream], "ada", f"cause-{position % 3}"
        record.data = event.SerializeToString()
        record.time.CopyFrom(at(position))
        records.append(record)
    return records


def differences(events: list[Any]) -> list[str]:
    """What the shop's projections make of events other than a plain fold does."""
    records, plainly = records_of(events), Folded()
    snapshots = {projection.name: _Views() for projection in PROJECTIONS}
    for position, (record, event) in enumerate(zip(records, events, strict=True), 1):
        plainly.take(position, record.SerializeToString())
        for projection in PROJECTIONS:
            if isinstance(event, projection.handles):
                snapshots[projection.name].take(projection, Fact(position, record, event))
    return [
        fault
        for name, views in snapshots.items()
        for fault in view_faults(name, views.snapshot(len(events)), plainly.projections[name])
    ]


class _Views:
    """What a projection has written."""

    def __init__(self) -> None:
        self.views: dict[str, Message] = {}
        self.indexes: dict[str, dict[str, int]] = {}

    def take(self, projection: Any, fact: Fact) -> None:
        changes = projection.apply(fact, {need.key: self.views.get(need.key) for need in projection.needs(fact, {})})
        for key, view in changes.views.items():
            self.views.pop(key, None)
            if view is not None:
                self.views[key] = view
        for entry in changes.indexes:
            self.indexes.setdefault(entry.index, {}).pop(entry.key, None)
            if entry.score is not None:
                self.indexes[entry.index][entry.key] = entry.score

    def snapshot(self, position: int) -> Snapshot:
        """As the store would give it: an index without members is not there."""
        views = {key: view.SerializeToString() for key, view in self.views.items()}
        return Snapshot("", position, b"", views, {name: index for name, index in self.indexes.items() if index})
