"""Step 6: wakes whoever waits for work, and misses no ring that fell between looking and waiting."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class _Ear:
    heard: int


class Bell:
    """Rings for all who wait, whatever for; for one event loop."""

    def __init__(self) -> None:
        self._rings = 0
        self._rung = asyncio.Event()
        self._ear: ContextVar[_Ear] = ContextVar("ear")

    def ring(self) -> None:
        """Whoever waits looks again, and so does whoever is looking now."""
        self._rings += 1
        self._rung.set()
        self._rung = asyncio.Event()

    def looking(self) -> None:
        """The caller is about to look what there is: what rings from now on wakes its next wait.

        The caller is a task with the tasks that it starts, so that waiting may be done by one of these.
        """
        ear = self._ear.get(None)
        if ear is None:
            self._ear.set(_Ear(self._rings))
        else:
            ear.heard = self._rings

    async def wait(self, seconds: float) -> None:
        """Return when it has rung since the caller looked, or rings, or after so many seconds."""
        ear = self._ear.get(None)
        if ear is None or ear.heard == self._rings:
            try:
                async with asyncio.timeout(seconds):
                    await self._rung.wait()
            except TimeoutError:
                return
        self.looking()
