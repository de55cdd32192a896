"""One relay at a time, to save work: an advisory lock in the log's database. Safety does not depend on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

_LOCK = 0x0BE5_0001
_RETRY_SECONDS = 1.0


class LeaseLost(Exception):
    """The database does not hold the lock for us any more, or cannot be reached."""


@asynccontextmanager
async def lease(dsn: str) -> AsyncIterator[asyncio.Event]:
    """Wait until no other relay is active; the event is set when the lock is lost. Raises LeaseLost."""
    lost = asyncio.Event()
    try:
        connection = await asyncpg.connect(dsn, timeout=5, command_timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise LeaseLost(f"Postgres cannot be reached: {error or type(error).__name__}") from None
    connection.add_termination_listener(lambda _: lost.set())
    try:
        await _locked(connection)
        yield lost
    finally:
        connection.terminate()


async def _locked(connection: asyncpg.Connection) -> None:
    try:
        # ASYNC110: what is waited for is in another process.
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
            await asyncio.sleep(_RETRY_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise LeaseLost(f"Postgres went away: {error or type(error).__name__}") from None
