"""When the relay waits for a batch to grow: never with little load, up to the linger with much."""

import asyncio
import time

_WORTH_WAITING_FOR = 3.0
"""A linger must promise so many records more, or it only costs time."""


class Pace:
    """Learns how fast records come and lingers where that fills the next batch."""

    def __init__(self, linger_seconds: float) -> None:
        self._linger_seconds = linger_seconds
        self._since = time.monotonic()
        self._rate = 0.0

    async def linger(self, records: int) -> None:
        """Wait a little under load; `records` came since the last call."""
        now = time.monotonic()
        seen = records / max(now - self._since, 1e-4)
        self._since = now
        self._rate += (seen - self._rate) * 0.3
        if self._rate * self._linger_seconds >= _WORTH_WAITING_FOR:
            await asyncio.sleep(self._linger_seconds)
