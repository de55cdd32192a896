"""Step 4: connections to Postgres that give up before their callers do, and keep plans that do not age."""

from typing import Any

import asyncpg

from command_service.postgres.sqlstates import leaves_usable

CLIENT_SECONDS = 5.0
"""For a server that answers nothing at all, not even by its own timeouts."""

_SESSION = {
    "application_name": "obverse command_service",
    "lock_timeout": "1s",
    "statement_timeout": "2s",
    "idle_in_transaction_session_timeout": "5s",
    "tcp_user_timeout": "5s",
    # append() must see what was committed while it waited for the head row.
    "default_transaction_isolation": "read committed",
    # A statement prepared while the log is empty must not keep a plan that reads all of it.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


async def connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection."""
    return await asyncpg.connect(dsn, timeout=CLIENT_SECONDS, command_timeout=CLIENT_SECONDS, server_settings=_SESSION)


class Readers:
    """At most so many connections for SELECTs, made when they are needed."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str, most: int) -> "Readers":
        """Connects to nothing yet."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=most,
            max_inactive_connection_lifetime=0,
            timeout=CLIENT_SECONDS,
            command_timeout=CLIENT_SECONDS,
            server_settings=_SESSION,
            reset=_as_it_is,
        )
        return cls(pool)

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of a SELECT; raises asyncpg's errors and OSError."""
        async with self._pool.acquire(timeout=CLIENT_SECONDS) as connection:
            try:
                return await connection.fetch(statement, *arguments)
            except Exception as error:
                if not leaves_usable(error):
                    connection.terminate()
                raise

    def close(self) -> None:
        """Ends the connections at once."""
        self._pool.terminate()


async def _as_it_is(_connection: object) -> None:
    """Nothing here changes a session, and asyncpg's reset costs a round trip for each statement."""
