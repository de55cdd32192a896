"""Step 4 to 5: hears from Postgres that the log has grown."""

import asyncio
from typing import Any

import asyncpg
import structlog

from command_service.postgres.connections import connect
from command_service.postgres.queries import query

log = structlog.get_logger()

CHANNEL = "obverse_log"
POLL_SECONDS = 0.25
"""How long a reader waits while nothing can be heard."""
RECONNECT_SECONDS = 0.5


class News:
    """Keeps a connection of its own that listens; without it, waiting is polling."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._position = 0
        self._hears = False
        self._changed = asyncio.Event()

    async def wait_beyond(self, position: int, seconds: float) -> None:
        """Return when the log may be longer than `position`, or after so many seconds."""
        if self._position > position:
            return
        patience = seconds if self._hears else min(seconds, POLL_SECONDS)
        try:
            async with asyncio.timeout(patience):
                while self._position <= position:
                    await self._changed.wait()
                    if not self._hears:
                        return
        except TimeoutError:
            return

    async def listen(self) -> None:
        """Listen until cancelled, connecting anew whenever the connection is lost."""
        while True:
            try:
                await self._listen_once()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.warning("the log's news cannot be heard, polling instead", reason=repr(error))
            finally:
                self._hears = False
                self._wake()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        connection = await connect(self._dsn)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._heard)
            head = await connection.fetchrow(query("head"))
            self._hears = True
            self._reach(head["position"] if head else 0)
            await lost.wait()
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._reach(int(str(payload)))

    def _reach(self, position: int) -> None:
        self._position = max(self._position, position)
        self._wake()

    def _wake(self) -> None:
        """Whoever waits looks again; who comes later waits for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()
