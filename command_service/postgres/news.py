"""Step 4 to 5: hears from Postgres that the log has grown."""

import asyncio

from command_service.postgres.listening import Connection, Listener
from command_service.postgres.queries import query

CHANNEL = "obverse_log"
POLL_SECONDS = 0.25
"""How long a reader waits while nothing can be heard."""


class News:
    """Keeps a connection of its own that listens; without it, waiting is polling."""

    def __init__(self, dsn: str) -> None:
        self._listener = Listener(dsn, CHANNEL, lambda payload: self._reach(int(payload)))
        self._position = 0
        self._changed = asyncio.Event()

    async def wait_beyond(self, position: int, seconds: float) -> None:
        """Return when the log may be longer than `position`, or after so many seconds."""
        if self._position > position:
            return
        patience = seconds if self._listener.hears else min(seconds, POLL_SECONDS)
        try:
            async with asyncio.timeout(patience):
                while self._position <= position:
                    await self._changed.wait()
                    if not self._listener.hears:
                        return
        except TimeoutError:
            return

    async def listen(self) -> None:
        """Listen until cancelled, connecting anew whenever the connection is lost."""
        await self._listener.listen(self._begun, self._wake)

    async def _begun(self, connection: Connection) -> None:
        head = await connection.fetchrow(query("head"))
        self._reach(head["position"] if head else 0)

    def _reach(self, position: int) -> None:
        self._position = max(self._position, position)
        self._wake()

    def _wake(self) -> None:
        """Whoever waits looks again; who comes later waits for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()
