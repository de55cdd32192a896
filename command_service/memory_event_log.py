"""Step 4, in memory: the event log for tests and trials, gone with its process."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import uuid4

from command_service.event_log import (
    Appended,
    ClaimTaken,
    Entry,
    LogError,
    LogFilter,
    LogPage,
    NewRecord,
    RecordTooLarge,
    VersionConflict,
)
from command_service.memory_receipts import Receipts
from command_service.memory_tables import WorkTables, clock
from runtime.record import LARGEST_RECORD_BYTES, Head, Logged, category, genesis, link


class MemoryEventLog:
    """The EventLog port, with the semantics of the one in Postgres but its durability; for one event loop."""

    def __init__(self, now: Callable[[], datetime] = clock) -> None:
        """`now` is the time of what waits; aware."""
        epoch = str(uuid4())
        self._head = Head(epoch, 0, genesis(epoch))
        self._log: list[tuple[NewRecord, Logged]] = []
        self._streams: dict[str, list[Logged]] = {}
        self._receipts = Receipts()
        self._claims: dict[tuple[str, str], str] = {}
        self._grown = asyncio.Event()
        self.tables = WorkTables(now)
        """Open work; given out by `MemoryWork`."""

    def append(self, entry: Entry) -> asyncio.Future[Appended]:
        """Append an entry at once, in the order of the calls; the future raises LogError."""
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(self._replayed(entry) or self._append(entry))
        except LogError as error:
            future.set_exception(error)
        return future

    async def read_stream(self, stream: str, after_version: int = 0, limit: int = 1000) -> Sequence[Logged]:
        """The records of a stream after a version, in order; empty for an unknown one."""
        return self._streams.get(stream, [])[after_version : after_version + limit]

    async def read_log(self, after: int, limit: int, wanted: LogFilter = LogFilter()) -> LogPage:  # noqa: B008 # frozen
        """At most `limit` wanted records after a position."""
        found: list[Logged] = []
        for new, logged in self._log[after:]:
            if len(found) == limit:
                break
            after = logged.position
            if _is_wanted(new, wanted):
                found.append(logged)
        return LogPage(found, after)

    async def head(self) -> Head:
        """Where the log ends."""
        return self._head

    async def wait_beyond(self, position: int, seconds: float) -> None:
        """Return when the log is longer than `position`, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while self._head.position <= position:
                    await self._grown.wait()
        except TimeoutError:
            return

    def _replayed(self, entry: Entry) -> Appended | None:
        stored = self._receipts.final(entry)
        if stored is None:
            return None
        return Appended(self._head.epoch, stored.position, True, stored.receipt, stored.state)

    def _append(self, entry: Entry) -> Appended:
        self._check_versions(entry)
        claims = self._claimed(entry)
        self._check_work(entry)
        if entry.receipt is None:
            return Appended(self._head.epoch, self._head.position, replayed=False, receipt=None)
        self._store(entry, claims, entry.receipt)
        return Appended(self._head.epoch, self._head.position, False, entry.receipt, entry.state)

    def _check_versions(self, entry: Entry) -> None:
        for stream, expected in entry.reads:
            if (actual := len(self._streams.get(stream, []))) != expected:
                raise VersionConflict(stream, expected, actual)
        for (stream, expected), tail in zip(entry.reads, entry.tails, strict=False):
            there = self._streams.get(stream)
            if tail and (not there or tail != sha256(there[-1].record).digest()):
                raise VersionConflict(stream, expected, expected)
        before: NewRecord | None = None
        for new in entry.records:
            if len(new.record) > LARGEST_RECORD_BYTES:
                raise RecordTooLarge(
                    f"A record of {new.type} has {len(new.record)} bytes, the log takes {LARGEST_RECORD_BYTES}"
                )
            follows = before is not None and before.stream == new.stream
            last = before.version if before and follows else len(self._streams.get(new.stream, []))
            if new.version != last + 1:
                raise VersionConflict(new.stream, new.version - 1, last)
            before = new

    def _claimed(self, entry: Entry) -> dict[tuple[str, str], str | None]:
        """What the entry's claims change, in their order; raises ClaimTaken."""
        changes: dict[tuple[str, str], str | None] = {}
        for claim in entry.claims:
            name = (claim.scope, claim.value)
            holder = changes[name] if name in changes else self._claims.get(name)
            if holder not in (None, claim.owner):
                raise ClaimTaken(claim.scope, claim.value)
            changes[name] = None if claim.release else claim.owner
        return changes

    def _check_work(self, entry: Entry) -> None:
        works = [new.work for new in entry.records if new.work is not None]
        for count in range(1, len(works) + 1):
            self._receipts.check(entry, works[:count])
            self.tables.check(works[:count])

    def _store(self, entry: Entry, claims: dict[tuple[str, str], str | None], receipt: bytes) -> None:
        for new in entry.records:
            position = self._head.position + 1
            logged = Logged(position, new.record, link(self._head.chain, position, new.record))
            self._log.append((new, logged))
            self._streams.setdefault(new.stream, []).append(logged)
            self._head = Head(self._head.epoch, position, logged.chain)
        for name, owner in claims.items():
            if owner is None:
                self._claims.pop(name, None)
            else:
                self._claims[name] = owner
        self._receipts.store(entry, self._head.position, receipt)
        self._change_work(entry, self._head.position - len(entry.records))
        if entry.records:
            self._grown.set()
            self._grown = asyncio.Event()

    def _change_work(self, entry: Entry, before: int) -> None:
        moment = self.tables.now()
        for position, new in enumerate(entry.records, before + 1):
            if new.work is not None:
                self._receipts.apply(entry, new.work, position)
                self.tables.apply(new, new.work, position, moment)


def _is_wanted(new: NewRecord, wanted: LogFilter) -> bool:
    of_stream = not wanted.streams or new.stream in wanted.streams or category(new.stream) in wanted.streams
    return of_stream and (not wanted.types or new.type in wanted.types)
