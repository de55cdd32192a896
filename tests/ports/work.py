"""Asynchronous commands for the tests of the worker's ports: accepted, ended, failed by hand."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import uuid_utils

from command_service.event_log import Appended, Entry, EventLog, NewRecord
from command_service.work import Work, WorkKind
from command_service.work_queue import Claimed, ProcessStore, WorkQueue

ACCEPTED, SUCCEEDED, REFUSED, FAILED = 1, 2, 3, 4
LEASE = 30.0
OUTCOMES = {WorkKind.SUCCEEDED: SUCCEEDED, WorkKind.REFUSED: REFUSED, WorkKind.FAILED: FAILED}


@dataclass(frozen=True)
class Open:
    """A log with its worker's ports."""

    log: EventLog
    queue: WorkQueue
    processes: ProcessStore
    pass_time: Callable[[float], Awaitable[None]]
    """Let so many seconds go by, at once."""
    now: Callable[[], datetime]


def new(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid_utils.uuid7()}"


def record_of(work: Work, version: int, stream: str = "", record: bytes = b"") -> NewRecord:
    """A record with work, of the stream of its command unless another is given."""
    text = record or f"{work.kind.name} {work.key}".encode()
    return NewRecord(stream or f"command-{work.key}", version, f"cqrs.admin.v1.{work.kind.name.title()}", text, work)


def acceptance(
    channel: str,
    stream: str,
    command_id: str | None = None,
    due: datetime | None = None,
    most_open: int = 0,
    request: bytes = b"",
) -> Entry:
    """A caller's command, accepted."""
    command_id = command_id or str(uuid_utils.uuid7())
    hashed = hashlib.sha256(request).digest()
    work = Work(
        WorkKind.OPEN, command_id, channel, stream, "cqrs.t.v1.Do", due, most_open=most_open, request_hash=hashed
    )
    return Entry(command_id, hashed, (), (record_of(work, 1),), (), b"accepted", ACCEPTED)


def outcome(
    claim: Claimed,
    kind: WorkKind = WorkKind.SUCCEEDED,
    millis: int = 7,
    error: str = "",
    more: tuple[NewRecord, ...] = (),
) -> Entry:
    """The end of a command that was claimed."""
    work = Work(kind, claim.command_id, claim.channel, run_millis=millis, text=error)
    own = f"command-{claim.command_id}", claim.version
    records = (*more, record_of(work, claim.version + 1))
    receipt = kind.name.lower().encode()
    return Entry(claim.command_id, b"another hash", (own,), records, (), receipt, OUTCOMES[kind], executes=True)


def by_operator(kind: WorkKind, key: str, version: int, channel: str = "", text: str = "") -> Entry:
    """What an operator does to a command or a channel, under a command id of its own."""
    work = Work(kind, key, channel or key, text=text)
    stream = f"channel-{key}" if kind in (WorkKind.PAUSE, WorkKind.RESUME) else ""
    record = record_of(work, version + 1, stream)
    return Entry(str(uuid_utils.uuid7()), b"hash", ((record.stream, version),), (record,), (), b"done", SUCCEEDED)


def sending(entry: Entry, *accepted: Entry) -> Entry:
    """The same entry, which accepts other commands too."""
    return replace(entry, records=(*entry.records, *(record for each in accepted for record in each.records)))


async def accept(work: Open, channel: str, stream: str, **details: object) -> Entry:
    """Accept a command; gives its entry."""
    entry = acceptance(channel, stream, **details)  # type: ignore[arg-type]
    await work.log.append(entry)
    return entry


async def state_of(work: Open, entry: Entry) -> Appended:
    """What a caller's resend of an acceptance is answered."""
    return await work.log.append(replace(entry, executes=False))


async def claimed(work: Open, channel: str, most: int = 100, lease_seconds: float = LEASE) -> list[str]:
    """Claim; gives the ids."""
    return [claim.command_id for claim in await work.queue.claim(channel, most, "tester", lease_seconds)]


async def one(work: Open, channel: str, lease_seconds: float = LEASE) -> Claimed:
    """Claim the one command that can be claimed."""
    (claim,) = await work.queue.claim(channel, 100, "tester", lease_seconds)
    return claim


async def eventually(found: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Ask until it holds."""
    deadline = time.monotonic() + seconds
    while not await found():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


@dataclass
class Clock:
    """A clock that only tests move."""

    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    async def pass_time(self, seconds: float) -> None:
        """Move on."""
        self.time += timedelta(seconds=seconds)
