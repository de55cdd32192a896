"""Step 9: the projector's notifications, `applied:<projection>` with "epoch position", heard all the time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog

from query_service.connection import Answered, Broken, connect
from query_service.notices import Notices

PREFIX = "applied:"
PING_SECONDS = 2.0
"""How often the connection is tried by a ping."""
AGAIN_SECONDS = 0.2
"""Between attempts to reach a store that is away."""

log = structlog.get_logger()


class Subscription:
    """One connection that only listens; whoever waits is told to look again whenever something may have been missed."""

    def __init__(self, url: str) -> None:
        """`url` as Link takes it."""
        self.notices = Notices()
        self.listening = asyncio.Event()
        """Set while notifications are heard."""
        self._url = url

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Subscription"]:
        """Listen while the block runs, connecting as often as it takes."""
        task = asyncio.create_task(self._listen_on())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _listen_on(self) -> None:
        said = False
        while True:
            try:
                await self._listen()
            except (Broken, Answered) as error:
                if not said or self.listening.is_set():
                    log.warning("notifications of the views are not heard", error=str(error))
                said = True
            if self.listening.is_set():
                self.listening.clear()
                self.notices.missed()  # who waits looks now, and learns whether the store is away
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        """Hear one connection out; ends with Broken when it is lost."""
        connection = await connect(self._url, self._hear)
        try:
            await connection.call("PSUBSCRIBE", f"{PREFIX}*")
            self.listening.set()
            self.notices.missed()
            while True:
                await asyncio.wait((connection.closed,), timeout=PING_SECONDS)
                await connection.call("PING")
        finally:
            connection.abort()

    def _hear(self, message: list[Any]) -> None:
        _, _, channel, text = message
        epoch, _, position = text.decode().partition(" ")
        self.notices.heard(channel.decode().removeprefix(PREFIX), epoch, int(position))
