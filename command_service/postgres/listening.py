"""Step 4 to 6: hears what Postgres is told to notify, on a connection of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import asyncpg
import structlog

from command_service.postgres.connections import connect

log = structlog.get_logger()

RECONNECT_SECONDS = 0.5

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Listener:
    """Listens to one channel, connecting anew whenever the connection is lost."""

    def __init__(self, dsn: str, channel: str, heard: Callable[[str], None]) -> None:
        """`heard` gets the payload of each notification."""
        self._dsn = dsn
        self._channel = channel
        self._heard = heard
        self.hears = False
        """False while the connection is lost, and whoever waits has to poll."""

    async def listen(self, begun: Callable[[Connection], Awaitable[None]], lost: Callable[[], None]) -> None:
        """Listen until cancelled; `begun` is told each time that nothing is missed from now on, `lost` at its end."""
        while True:
            try:
                await self._listen_once(begun)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.warning(
                    "the log's news cannot be heard, polling instead", reason=repr(error), channel=self._channel
                )
            finally:
                self.hears = False
                lost()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self, begun: Callable[[Connection], Awaitable[None]]) -> None:
        connection = await connect(self._dsn)
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(self._channel, self._notified)
            self.hears = True
            await begun(connection)
            await ended.wait()
        finally:
            connection.terminate()

    def _notified(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._heard(str(payload))
