"""Step 6, one channel: claims as many commands as it has free hands; no channel and no worker waits for another."""

import asyncio
from collections.abc import Sequence
from typing import Any

from command_service.endings import PutOff
from command_service.work_queue import Claimed, WorkQueue
from command_service.worker.allowance import Allowance
from command_service.worker.attempts import Attempts
from command_service.worker.outage import AWAY, Outage


class Lane:
    """Works one channel off."""

    def __init__(
        self, channel: str, concurrency: int, queue: WorkQueue, attempts: Attempts, allowance: Allowance, outage: Outage
    ) -> None:
        """`concurrency` is how many commands it has in hand at a time."""
        self.channel = channel
        self._concurrency = concurrency
        self._queue = queue
        self._attempts = attempts
        self._allowance = allowance
        self._outage = outage
        self.executed = 0
        """Attempts that ended the command or put it off."""
        self._in_hand: dict[asyncio.Task[None], Claimed] = {}
        self._rung = asyncio.Event()
        self._stopping = False
        self._fault: BaseException | None = None

    def ring(self) -> None:
        """There may be something to claim."""
        self._rung.set()

    def stop(self) -> None:
        """Claim nothing more; what is in hand goes on."""
        self._stopping = True
        self.ring()

    async def run(self, worker: str, lease_seconds: float) -> None:
        """Claim and carry out until stopped; what was claimed just then is given back. Raises what broke an attempt."""
        while not self._stopping:
            self._rung.clear()
            if self._fault is not None:
                raise self._fault
            try:
                asked, claims = await self._claim(worker, lease_seconds)
            except AWAY as error:
                asyncio.get_running_loop().call_later(self._outage.seconds(error), self.ring)
                asked, claims = 1, ()
            if self._stopping and claims:
                await self._outage.steady(lambda claims=claims: self._queue.give_back(claims))
                return
            for claim in claims:
                self._begin(claim)
            if asked == 0 or len(claims) < asked:
                await self._rung.wait()

    async def drained(self, seconds: float) -> Sequence[Claimed]:
        """Wait for what is in hand, so long at most; gives what was broken off then."""
        tasks = dict(self._in_hand)
        if not tasks:
            return ()
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return [tasks[task] for task in late if task.cancelled()]

    def shown(self) -> dict[str, Any]:
        """What /status says of it."""
        return {"name": self.channel, "in_flight": len(self._in_hand), "executed": self.executed}

    async def _claim(self, worker: str, lease_seconds: float) -> tuple[int, Sequence[Claimed]]:
        free = self._concurrency - len(self._in_hand)
        if free <= 0:
            return 0, ()
        claimed = await self._allowance.claim(
            free, lambda most: self._queue.claim(self.channel, most, worker, lease_seconds)
        )
        self._outage.over()
        return claimed

    def _begin(self, claim: Claimed) -> None:
        task = asyncio.create_task(self._carry_out(claim))
        self._in_hand[task] = claim
        task.add_done_callback(self._ended)

    async def _carry_out(self, claim: Claimed) -> None:
        ending = await self._attempts.make(claim)
        if ending is None:
            self._allowance.returned(1)
            return
        self.executed += 1
        self._allowance.processed()
        if isinstance(ending, PutOff):
            asyncio.get_running_loop().call_later(ending.seconds, self.ring)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A hand is free, and the next command of the same stream may be."""
        del self._in_hand[task]
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault = fault
        self.ring()
