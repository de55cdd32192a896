"""Step 9: the projector's notifications, `applied:<projection>` with "epoch position", heard all the time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from query_service.link import TIMEOUT_SECONDS
from query_service.notices import Notices

PREFIX = "applied:"
QUIET_SECONDS = 5.0
"""After so long without a notification the connection is tried by a ping."""
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
        self._client = Redis.from_url(url, socket_connect_timeout=TIMEOUT_SECONDS, protocol=2)

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
            await self._client.aclose()

    async def _listen_on(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                if self.listening.is_set():
                    log.warning("notifications are interrupted", error=str(error))
            self.listening.clear()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        """Hear one connection out; ends with RedisError when it breaks."""
        async with self._client.pubsub() as heard:
            await heard.psubscribe(f"{PREFIX}*")
            while True:
                message = await heard.get_message(timeout=QUIET_SECONDS)
                if message is None:
                    await asyncio.wait_for(heard.ping(), TIMEOUT_SECONDS)
                else:
                    self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "pmessage":
            epoch, _, position = message["data"].decode().partition(" ")
            self.notices.heard(message["channel"].decode().removeprefix(PREFIX), epoch, int(position))
        elif message["type"] == "psubscribe":
            self.listening.set()
            self.notices.missed()
