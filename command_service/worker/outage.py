"""Step 6, while the store is away: whoever asks it waits, longer the longer it is away, and asks again."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from command_service.event_log import LogOverloaded, LogUnavailable

log = structlog.get_logger()

AWAY = (LogUnavailable, LogOverloaded)
"""What the log and the queue raise while nothing can be recorded."""
SHORTEST_SECONDS = 0.1
LONGEST_SECONDS = 5.0

T = TypeVar("T")


class Outage:
    """Whether the store answers, for all who ask it in one worker; one line when it goes, one when it is back."""

    def __init__(self, changed: Callable[[bool], None] = lambda _away: None) -> None:
        """`changed` is told when the store went away (True) and when it is back (False)."""
        self._changed = changed
        self._began: float | None = None

    def seconds(self, error: Exception) -> float:
        """Note what was raised; gives how long to wait: half as long as the store has been away, never in step."""
        if self._began is None:
            self._began = time.monotonic()
            log.warning("the store is away, the worker waits for it", reason=str(error))
            self._changed(True)
        grown = (time.monotonic() - self._began) / 2
        return min(max(grown, SHORTEST_SECONDS), LONGEST_SECONDS) * random.uniform(0.75, 1.25)

    def over(self) -> None:
        """Note that the store has answered."""
        if self._began is not None:
            log.info("the store answers again", seconds=round(time.monotonic() - self._began, 3))
            self._began = None
            self._changed(False)

    async def steady(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` gives, as soon as the store answers."""
        while True:
            try:
                answer = await ask()
            except AWAY as error:
                await asyncio.sleep(self.seconds(error))
            else:
                self.over()
                return answer
