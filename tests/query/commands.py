"""Commands as the log tells of them, folded by the projection into a store of views in memory."""

from collections.abc import Iterable
from typing import Any

from cqrs.admin.v1 import events_pb2 as events
from cqrs.common.v1.common_pb2 import CommandReceipt
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from projector.domains.platform import PROJECTIONS
from projector.projection import Fact
from query_service.memory_read_store import MemoryReadStore
from tests.query.writers import EPOCH, at

(COMMANDS,) = PROJECTIONS
PLACE = "cqrs.shop.v1.PlaceOrderRequest"
CANCEL = "cqrs.shop.v1.CancelOrderRequest"


def moment(position: int) -> Timestamp:
    """The time of the record at a position."""
    return Timestamp(seconds=1_700_000_000 + position)


def accepted(command_id: str, channel: str = "orders", type_: str = PLACE, **more: Any) -> events.CommandAccepted:
    rpc = "cqrs.shop.v1.OrderCommandService." + type_.rpartition(".")[2].removesuffix("Request")
    given = {"rpc": rpc, "stream": "shop.order-7", "request": b"\x0a\x00", **more}
    return events.CommandAccepted(command_id=command_id, channel=channel, type=type_, **given)


def succeeded(before: events.CommandAccepted, attempts: int = 1) -> events.CommandSucceeded:
    receipt = CommandReceipt(command_id=before.command_id, aggregate_id="7", version=3, channel=before.channel)
    return events.CommandSucceeded(**_of(before), attempts=attempts, run_millis=1_250, receipt=receipt)


def refused(before: events.CommandAccepted, attempts: int = 1) -> events.CommandRefused:
    refusal = events.Refusal(code="FAILED_PRECONDITION", reason="INSUFFICIENT_STOCK", domain="cqrs.shop.v1", text="No")
    return events.CommandRefused(**_of(before), attempts=attempts, run_millis=2, refusal=refusal)


def failed(before: events.CommandAccepted, attempts: int = 5) -> events.CommandFailed:
    return events.CommandFailed(**_of(before), attempts=attempts, run_millis=40, error="no answer in 30 s")


def retried(before: events.CommandAccepted) -> events.FailedCommandRetried:
    return events.FailedCommandRetried(**_of(before))


def discarded(before: events.CommandAccepted, reason: str = "a test order") -> events.FailedCommandDiscarded:
    return events.FailedCommandDiscarded(**_of(before), reason=reason)


def cancelled(before: events.CommandAccepted) -> events.ScheduledCommandCancelled:
    return events.ScheduledCommandCancelled(**_of(before))


def _of(before: events.CommandAccepted) -> dict[str, str]:
    return {"command_id": before.command_id, "channel": before.channel, "type": before.type}


class History:
    """A log of commands' records, projected."""

    def __init__(self) -> None:
        self.views: dict[str, Any] = {}
        self.lists: dict[str, dict[str, int]] = {}
        self.records: list[tuple[int, Record, Message]] = []
        self._versions: dict[str, int] = {}

    @property
    def position(self) -> int:
        return 100 + len(self.records)

    def happen(self, *happened: Message) -> "History":
        """Append and project events, each at the next position."""
        for event in happened:
            self._project(event)
        return self

    def put_into(self, store: MemoryReadStore, **standing: Any) -> None:
        """Show a store everything, as of the last position."""
        views = {key: view.SerializeToString() for key, view in self.views.items()}
        indexes = {name: {**dict.fromkeys(views), **entries} for name, entries in self.lists.items()}
        store.apply(COMMANDS.name, at(self.position, **standing), views, indexes)

    def newest_first(self, name: str) -> list[str]:
        """The command ids of a list as it is shown."""
        entries = self.lists.get(name, {})
        return [key.removeprefix("command:") for key in sorted(entries, key=lambda key: -entries[key])]

    def _project(self, event: Any) -> None:
        version = self._versions[event.command_id] = self._versions.get(event.command_id, 0) + 1
        record = Record(
            id=f"record-{self.position + 1}",
            type=event.DESCRIPTOR.full_name,
            stream=f"command-{event.command_id}",
            version=version,
            time=moment(self.position + 1),
            data=event.SerializeToString(),
            correlation_id="checkout-1",
            causation_id="cause-1",
        )
        self.records.append((self.position + 1, record, event))
        fact = Fact(self.position, record, event, EPOCH)
        needed = {need.key: self.views.get(need.key) for need in COMMANDS.needs(fact, {})}
        before = _bytes(needed.values())
        changes = COMMANDS.apply(fact, needed)
        assert _bytes(needed.values()) == before
        self.views.update(changes.views)
        for entry in changes.indexes:
            entries = self.lists.setdefault(entry.index, {})
            if entry.score is None:
                del entries[entry.key]
            else:
                assert entry.key not in entries
                entries[entry.key] = entry.score


def _bytes(views: Iterable[Message | None]) -> list[bytes | None]:
    return [None if view is None else view.SerializeToString(deterministic=True) for view in views]
