"""Step 9: who waits for a projection to reach a position is woken by the projector's notification, never by polling."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class _Waiter:
    epoch: str
    position: int
    woken: asyncio.Future[None]


@dataclass(slots=True)
class _Heard:
    """What was heard of one projection."""

    count: int = 0
    epoch: str = ""
    position: int = 0
    waiters: set[_Waiter] = field(default_factory=set)

    def reaches(self, epoch: str, position: int) -> bool:
        return self.position >= position or self.epoch != epoch


class Notices:
    """The notifications of all projections: what came last, and who waits for more."""

    def __init__(self) -> None:
        self._heard: defaultdict[str, _Heard] = defaultdict(_Heard)

    def heard(self, projection: str, epoch: str, position: int) -> None:
        """A projection has applied everything up to `position` of `epoch`."""
        heard = self._heard[projection]
        heard.count += 1
        heard.epoch, heard.position = epoch, position
        for waiter in heard.waiters:
            if heard.reaches(waiter.epoch, waiter.position) and not waiter.woken.done():
                waiter.woken.set_result(None)

    def missed(self) -> None:
        """Notifications may have been lost: everybody looks again."""
        for heard in self._heard.values():
            heard.count += 1
            heard.epoch = ""
            for waiter in heard.waiters:
                if not waiter.woken.done():
                    waiter.woken.set_result(None)

    def watch(self, projection: str) -> "Watch":
        """Remember this moment: what is heard from now on wakes the watch, also before it begins to wait."""
        return Watch(self._heard[projection])


class Watch:
    """Listens from the moment it was made, so that nothing is missed between a read and the waiting that follows it."""

    def __init__(self, heard: _Heard) -> None:
        self._heard = heard
        self._count = heard.count

    async def reached(self, epoch: str, position: int, seconds: float) -> None:
        """Return when the projection may have reached `position` of `epoch`, or after so many seconds."""
        heard = self._heard
        if heard.count != self._count and heard.reaches(epoch, position):
            return
        waiter = _Waiter(epoch, position, asyncio.get_running_loop().create_future())
        heard.waiters.add(waiter)
        try:
            await asyncio.wait((waiter.woken,), timeout=seconds)
        finally:
            heard.waiters.discard(waiter)
