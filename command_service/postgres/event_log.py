"""Step 4, appended: the event log in Postgres."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg

from command_service.event_log import Appended, Entry, LogFilter, LogPage
from command_service.postgres.appender import Appender
from command_service.postgres.asking import ask
from command_service.postgres.connections import Readers
from command_service.postgres.group_commit import GroupCommit
from command_service.postgres.news import News
from command_service.postgres.server_check import check_reachable
from runtime.ending import ended
from runtime.record import Head, Logged

READERS = 3
"""Connections for reading, at most; one more writes, one more listens."""
PATIENCE_SECONDS = 3.0
"""How long a batch is tried again before its callers are told LogUnavailable."""
SCAN = 10_000
"""How many records a filtered read looks at in one call."""


class PostgresEventLog:
    """The EventLog port over the function append() and three SELECTs; made by `open_event_log`."""

    def __init__(self, commits: GroupCommit, readers: Readers, news: News) -> None:
        self._commits = commits
        self._readers = readers
        self._news = news

    def append(self, entry: Entry) -> asyncio.Future[Appended]:
        """Put an entry into the next batch, in the order of the calls; the future raises LogError."""
        return self._commits.append(entry)

    async def read_stream(self, stream: str, after_version: int = 0, limit: int = 1000) -> Sequence[Logged]:
        """The records of a stream after a version, in order; empty for an unknown one."""
        return [_logged(row) for row in await self._fetch("read_stream", stream, after_version, limit)]

    async def read_log(self, after: int, limit: int, wanted: LogFilter = LogFilter()) -> LogPage:  # noqa: B008 # frozen
        """At most `limit` wanted records after a position, of the next SCAN that the log has."""
        to = after + (max(SCAN, limit) if wanted.streams or wanted.types else limit)
        rows = await self._fetch("read_log", after, to, wanted.streams, wanted.types, limit)
        records = [_logged(row) for row in rows if row["position"] is not None]
        if len(records) == limit:
            return LogPage(records, records[-1].position if records else after)
        return LogPage(records, max(after, min(to, rows[0]["head"])))

    async def head(self) -> Head:
        """Where the log ends."""
        (row,) = await self._fetch("head")
        return Head(row["epoch"], row["position"], row["chain"])

    async def wait_beyond(self, position: int, seconds: float) -> None:
        """Return when the log may be longer than `position`, or after so many seconds."""
        await self._news.wait_beyond(position, seconds)

    async def _fetch(self, name: str, *arguments: Any) -> list[asyncpg.Record]:
        return await ask(self._readers, name, *arguments)


@asynccontextmanager
async def open_event_log(dsn: str, patience_seconds: float = PATIENCE_SECONDS) -> AsyncIterator[PostgresEventLog]:
    """The log behind an address of the role obverse_service; leaving the block sends what still waits.

    Raises UnsuitableServer for a server or database that could lose the log, LogUnavailable for one that is away.
    """
    async with AsyncExitStack() as stack:
        readers = await Readers.open(dsn, READERS)
        stack.callback(readers.close)
        await check_reachable(readers)
        news = News(dsn)
        listening = asyncio.create_task(news.listen())
        stack.push_async_callback(ended, listening)
        appender = Appender(dsn, patience_seconds)
        stack.callback(appender.close)
        commits = GroupCommit(appender.send)
        stack.push_async_callback(commits.drain)
        yield PostgresEventLog(commits, readers, news)


def _logged(row: asyncpg.Record) -> Logged:
    return Logged(row["position"], row["record"], row["chain"])
