"""Step 6: open commands in Postgres, given out to workers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg

from command_service.bell import Bell
from command_service.postgres.asking import ask
from command_service.postgres.connections import Readers
from command_service.postgres.listening import Connection, Listener
from command_service.postgres.server_check import check_reachable
from command_service.work import kept
from command_service.work_queue import Claimed, QueueCounts, Queued
from runtime.ending import ended

CHANNEL = "obverse_work"
POLL_SECONDS = 0.25
"""How long a worker waits while nothing can be heard."""
CONNECTIONS = 4
"""For claims and their like, at most; one more listens."""


class PostgresWorkQueue:
    """The WorkQueue port over the functions claim(), renew(), …; made by `open_work_queue`."""

    def __init__(self, readers: Readers, bell: Bell, listener: Listener) -> None:
        self._readers = readers
        self._bell = bell
        self._listener = listener

    async def claim(self, channel: str, most: int, worker: str, lease_seconds: float) -> Sequence[Claimed]:
        """Claim what can be carried out: what was due first, given in the order of acceptance."""
        self._bell.looking()
        return [_claimed(channel, row) for row in await self._ask("claim", channel, most, worker, lease_seconds)]

    async def renew(self, claims: Sequence[Claimed], lease_seconds: float) -> frozenset[str]:
        """Prolong the leases; gives the ids of those that are still held."""
        ids, leases = [claim.command_id for claim in claims], [claim.lease for claim in claims]
        return frozenset(row["command_id"] for row in await self._ask("renew", ids, leases, lease_seconds))

    async def put_off(self, claim: Claimed, seconds: float, error: str) -> None:
        """Give a command back until a later attempt."""
        await self._ask("put_off", claim.command_id, claim.lease, seconds, kept(error))

    async def give_back(self, claims: Sequence[Claimed]) -> None:
        """Give commands back as if they had never been claimed; one after another, so that none holds up append()."""
        for claim in claims:
            await self._ask("give_back", claim.command_id, claim.lease)

    async def next_due(self, channels: Sequence[str]) -> float | None:
        """Seconds until a command of these channels can be claimed that cannot be now."""
        (row,) = await self._ask("next_due", list(channels))
        seconds: float | None = row["seconds"]
        return seconds

    async def wait(self, seconds: float) -> None:
        """Return when there may be something new to claim, or after so many seconds."""
        await self._bell.wait(seconds if self._listener.hears else min(seconds, POLL_SECONDS))

    async def counts(self, channel: str = "") -> Sequence[QueueCounts]:
        """Every channel that was ever used, by name; or the one that is named, if it was."""
        return [_counts(row) for row in await self._ask("counts", channel)]

    async def peek(self, channel: str, limit: int, failed: bool = False, after: int = 0) -> Sequence[Queued]:
        """What waits on a channel, or has failed on it, oldest first."""
        return [Queued(*row) for row in await self._ask("peek", channel, limit, failed, after)]

    async def _ask(self, name: str, *arguments: Any) -> list[asyncpg.Record]:
        return await ask(self._readers, name, *arguments)


@asynccontextmanager
async def open_work_queue(dsn: str, connections: int = CONNECTIONS) -> AsyncIterator[PostgresWorkQueue]:
    """The queue behind an address of the role obverse_service.

    Raises UnsuitableServer for a server or database that is not the log's, LogUnavailable for one that is away.
    """
    async with AsyncExitStack() as stack:
        readers = await Readers.open(dsn, connections)
        stack.callback(readers.close)
        await check_reachable(readers)
        bell = Bell()
        listener = Listener(dsn, CHANNEL, lambda _: bell.ring())

        async def begun(_connection: Connection) -> None:
            bell.ring()

        listening = asyncio.create_task(listener.listen(begun, bell.ring))
        stack.push_async_callback(ended, listening)
        yield PostgresWorkQueue(readers, bell, listener)


def _claimed(channel: str, row: asyncpg.Record) -> Claimed:
    return Claimed(
        row["command_id"], channel, row["position"], row["record"], row["version"], row["attempt"], row["lease"]
    )


def _counts(row: asyncpg.Record) -> QueueCounts:
    fields = dict(row)
    bounds, counts = fields.pop("bounds"), fields.pop("counts")
    return QueueCounts(**fields, run_millis=tuple(zip(bounds, counts, strict=True)))
