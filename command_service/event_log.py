"""Step 4, the port: what the write side needs of the log.

LogError
├── VersionConflict      a stream that the decision read has moved on: load it again and decide anew
├── CommandIdReused      the command id belongs to another request
├── ClaimTaken           somebody else holds the name
├── RecordTooLarge       a record is over LARGEST_RECORD_BYTES
├── Unstorable           an id or a name holds what no store takes as text: a NUL
├── ChannelFull          as many commands wait on the channel as it takes; nothing was done
├── LogOverloaded        more entries wait than the log takes; nothing was done
└── LogUnavailable       the store is away, so the outcome is unknown; asking again by command id tells it
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from command_service.decider import Claim
from command_service.work import Work
from runtime.record import Head, Logged


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record that has no position yet."""

    stream: str
    version: int
    type: str
    """Full protobuf name of the event."""
    record: bytes
    """The serialised cqrs.log.v1.Record."""
    work: Work | None = None
    """What it means to the tables of open work; they change in the same transaction."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one command asks of the log, all or nothing."""

    command_id: str
    request_hash: bytes
    """sha256 of the request without its context."""
    reads: tuple[tuple[str, int], ...]
    """The streams that the decision saw, with the version of each; 0 for one that does not exist."""
    records: tuple[NewRecord, ...] = ()
    claims: tuple[Claim, ...] = ()
    receipt: bytes | None = None
    """The serialised response to store under the command id; None stores nothing: the entry only checks."""
    state: int = 0
    """The CommandState of the stored receipt."""
    executes: bool = False
    """True for the outcome of an asynchronous command: it replaces the receipt of the same id while that is ACCEPTED,
    with whatever request hash; once it is final, the entry is answered as replayed."""
    tails: tuple[bytes, ...] = ()
    """For the reads, in their order: sha256 of the record that the stream must end with, where the decision saw one
    that was not committed yet; else empty. For reads that it does not reach, the version says enough."""


@dataclass(frozen=True, slots=True)
class Appended:
    """How an entry ended."""

    epoch: str
    position: int
    """Of its last record; where it has none, the log's head when it was checked."""
    replayed: bool
    """True when the command id was done already: nothing was appended."""
    receipt: bytes | None
    """The stored response: this entry's, or when replayed the first one's."""
    state: int = 0
    """The CommandState that the receipt has now; it moves on while the stored response of an acceptance stays."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which records a reader wants; empty means all."""

    streams: tuple[str, ...] = ()
    """Whole names, or kinds of stream such as "shop.order"."""
    types: tuple[str, ...] = ()
    """Full protobuf names."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """A part of the log as a reader wants it."""

    records: Sequence[Logged]
    """What was wanted, in order."""
    scanned_to: int
    """The position up to which nothing wanted was left out; read on after it."""


class LogError(Exception):
    """The log did not take an entry; nothing of it was appended, unless it is LogUnavailable."""


class VersionConflict(LogError):
    """A stream has another version than the decision saw."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"Expected version {expected}, got {actual}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class CommandIdReused(LogError):
    """The command id was used for another request."""


class ClaimTaken(LogError):
    """Another owner holds the claim."""

    def __init__(self, scope: str, value: str) -> None:
        super().__init__(f"{scope} {value!r} is taken")
        self.scope = scope
        self.value = value


class RecordTooLarge(LogError):
    """A record is over LARGEST_RECORD_BYTES."""


class Unstorable(LogError):
    """An id or a name holds what the store does not take."""


class ChannelFull(LogError):
    """As many commands wait on the channel as it takes."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"As many commands wait on channel {channel!r} as it takes")
        self.channel = channel


class LogOverloaded(LogError):
    """More entries wait than the log takes; nothing was done."""


class LogUnavailable(LogError):
    """The store is away; the outcome is unknown."""


class EventLog(Protocol):
    """One totally ordered, append-only log of records."""

    def append(self, entry: Entry) -> asyncio.Future[Appended]:
        """Put an entry into the next batch, in the order of the calls; the future raises LogError."""

    async def read_stream(self, stream: str, after_version: int = 0, limit: int = 1000) -> Sequence[Logged]:
        """The records of a stream after a version, in order; empty for an unknown one."""

    async def read_log(self, after: int, limit: int, wanted: LogFilter = LogFilter()) -> LogPage:
        """At most `limit` wanted records after a position; it may end sooner, so that no call takes long."""

    async def head(self) -> Head:
        """Where the log ends."""

    async def wait_beyond(self, position: int, seconds: float) -> None:
        """Return when the log may be longer than `position`, or after so many seconds."""
