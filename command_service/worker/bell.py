"""Step 6, what wakes the lanes: news of the queue, a time that comes, or the poll when neither can be heard."""

import asyncio
from collections.abc import Callable, Sequence

from command_service.work_queue import WorkQueue
from command_service.worker.outage import AWAY, Outage

REST_SECONDS = 0.01
"""Between two rings: what comes in a crowd is claimed together, and idle lanes ask seldom."""


class Bell:
    """Waits for all lanes of a worker together."""

    def __init__(self, queue: WorkQueue, channels: Sequence[str], poll_seconds: float, outage: Outage) -> None:
        self._queue = queue
        self._channels = channels
        self._poll_seconds = poll_seconds
        self._outage = outage

    async def run(self, ring: Callable[[], None]) -> None:
        """Call `ring` whenever there may be something to claim, until cancelled."""
        while True:
            try:
                await self._news()
            except AWAY as error:
                await asyncio.sleep(self._outage.seconds(error))
            else:
                ring()
                await asyncio.sleep(REST_SECONDS)

    async def _news(self) -> None:
        """It listens before it asks for the next time: nothing can come unheard in between."""
        heard = asyncio.create_task(self._queue.wait(self._poll_seconds))
        try:
            due = await self._queue.next_due(self._channels)
            done, _ = await asyncio.wait((heard,), timeout=due)
            if done:
                heard.result()
        finally:
            heard.cancel()
