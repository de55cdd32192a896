"""Step 3, load: the state of each stream, cached by version, with what this process has decided but not yet committed.

Commands on one stream are decided in turn on the pending state: each sees what its predecessor will have done. When a
predecessor fails, its followers fail too and are decided again on what was loaded anew. Their version check alone would
not do: somebody else's record may have come to stand at that version. So each names the record that it builds on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message

from command_service.decider import Aggregate, HeldId
from command_service.event_log import EventLog
from runtime.record import Logged
from runtime.upcast import decode

PAGE = 1000


class Slot:
    """What is known of one stream."""

    __slots__ = ("aggregate", "confirmed", "confirmed_version", "failed", "state", "stream", "tail", "version")

    def __init__(self, aggregate: Aggregate, stream: str, version: int, state: Any) -> None:
        self.aggregate = aggregate
        self.stream = stream
        self.version = self.confirmed_version = version
        """The version with, and without, what is not yet committed."""
        self.state = self.confirmed = state
        self.tail = b""
        """sha256 of the last record that is not yet committed; empty where all are."""
        self.failed = False
        """True when an entry decided on it failed: only what was confirmed still counts."""

    def advance(self, events: Sequence[Message], tail: bytes = b"") -> None:
        """Take in events that the log has, or that it is handed: then `tail` is sha256 of their last record."""
        if events:
            self.tail = tail
        state = self.state
        for event in events:
            state = self.aggregate.evolve(state, event)
        self.state = state
        self.version += len(events)

    def confirm(self, version: int, state: Any) -> None:
        """Note that the log took the events up to `version`."""
        if version > self.confirmed_version:
            self.confirmed_version = version
            self.confirmed = state
        if version == self.version:
            self.tail = b""


class States:
    """The slots of the streams last used; at most `most_streams`."""

    def __init__(self, log: EventLog, most_streams: int) -> None:
        self._log = log
        self._most = most_streams
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self._loading: dict[str, asyncio.Task[None]] = {}

    async def load(self, reads: Sequence[tuple[Aggregate, str]], new_id: str) -> list[Slot]:
        """The slots of the streams, all at one moment; that of `new_id`, which nobody can have used, without a look."""
        while True:
            slots, missing = self._found(reads, new_id)
            if not missing:
                return slots
            await asyncio.gather(*(self._load(aggregate, aggregate.stream(name)) for aggregate, name in missing))

    def _found(
        self, reads: Sequence[tuple[Aggregate, str]], new_id: str
    ) -> tuple[list[Slot], list[tuple[Aggregate, str]]]:
        """The slots that are there, and the streams that are not; those that the first one names come after it."""
        slots: list[Slot] = []
        missing: list[tuple[Aggregate, str]] = []
        for aggregate, name in reads:
            if isinstance(name, HeldId):
                if missing and missing[0] == reads[0]:
                    break
                name = getattr(slots[0].state, name)
            slot = self._slot(aggregate, name, new_id)
            if slot is None:
                missing.append((aggregate, name))
            else:
                slots.append(slot)
        return slots, missing

    @staticmethod
    def drop(slots: Sequence[Slot]) -> None:
        """Forget what was decided on slots whose last entry failed; what was confirmed shortens the next load."""
        for slot in slots:
            slot.failed = True

    def _slot(self, aggregate: Aggregate, aggregate_id: str, new_id: str) -> Slot | None:
        stream = aggregate.stream(aggregate_id)
        slot = self._slots.get(stream)
        if slot is not None and not slot.failed:
            self._slots.move_to_end(stream)
            return slot
        return (
            self._keep(Slot(aggregate, stream, 0, aggregate.initial))
            if aggregate_id == new_id and slot is None
            else None
        )

    def _keep(self, slot: Slot) -> Slot:
        self._slots[slot.stream] = slot
        while len(self._slots) > self._most:
            self._slots.popitem(last=False)
        return slot

    async def _load(self, aggregate: Aggregate, stream: str) -> None:
        """Load a stream once, however many wait for it; one that gives up does not take the others with it."""
        task = self._loading.get(stream)
        if task is None:
            task = self._loading[stream] = asyncio.ensure_future(self._read(aggregate, stream))
            task.add_done_callback(lambda _: self._loading.pop(stream, None))
        await asyncio.shield(task)

    async def _read(self, aggregate: Aggregate, stream: str) -> None:
        before = self._slots.get(stream)
        slot = Slot(aggregate, stream, 0, aggregate.initial)
        if before is not None:
            slot = Slot(aggregate, stream, before.confirmed_version, before.confirmed)
        while records := await self._log.read_stream(stream, slot.version, PAGE):
            slot.advance([_event(stream, logged) for logged in records])
            if len(records) < PAGE:
                break
        slot.confirm(slot.version, slot.state)
        self._keep(slot)


def _event(stream: str, logged: Logged) -> Message:
    record = Record.FromString(logged.record)
    event = decode(record)
    if event is None:
        raise TypeError(f"{stream} holds a {record.type} at version {record.version}, which this version does not know")
    return event
