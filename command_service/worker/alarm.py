"""Step 6, what wakes the lanes: news of the queue, a time that comes, or the poll when neither can be heard."""

import asyncio
from collections.abc import Callable, Sequence

from command_service.work_queue import WorkQueue
from command_service.worker.outage import AWAY, Outage

REST_SECONDS = 0.01
"""Between two rings: what comes in a crowd is claimed together, and idle lanes ask seldom."""


class Alarm:
    """Waits for all lanes of a worker together."""

    def __init__(self, queue: WorkQueue, channels: Sequence[str], poll_seconds: float, outage: Outage) -> None:
        self._queue = queue
        self._channels = channels
        self._poll_seconds = poll_seconds
        self._outage = outage

    async def run(self, ring: Callable[[], None]) -> None:
        """Call `ring` whenever there may be something to claim, until cancelled."""
        # It listens all the time, also while it rests or asks for the next time: lanes look after a ring, so that what
        # comes then is either seen by them or heard here.
        listening = self._listen()
        try:
            while True:
                await self._until_due(listening)
                if listening.done():
                    heard, listening = listening, self._listen()
                    await self._noted(heard)
                ring()
                await asyncio.sleep(REST_SECONDS)
        finally:
            listening.cancel()

    def _listen(self) -> "asyncio.Future[None]":
        return asyncio.ensure_future(self._queue.wait(self._poll_seconds))

    async def _until_due(self, listening: "asyncio.Future[None]") -> None:
        """Return when it was heard that there is something, or when a command's time has come."""
        try:
            due = await self._queue.next_due(self._channels)
        except AWAY as error:
            await asyncio.sleep(self._outage.seconds(error))
        else:
            await asyncio.wait((listening,), timeout=due)

    async def _noted(self, heard: "asyncio.Future[None]") -> None:
        try:
            await heard
        except AWAY as error:
            await asyncio.sleep(self._outage.seconds(error))
