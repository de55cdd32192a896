"""Step 6, one worker: its lanes and what runs beside them, from the first claim to the last outcome."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import structlog

from command_service.work_queue import Claimed, WorkQueue
from command_service.worker.alarm import Alarm
from command_service.worker.allowance import Allowance
from command_service.worker.lane import Lane
from command_service.worker.leases import Leases
from command_service.worker.outage import AWAY
from command_service.worker.runner import Runner, alone
from runtime.ending import ended

log = structlog.get_logger()


class Worker:
    """Carries commands out until it is told to stop, or has processed as many as it is allowed."""

    def __init__(
        self, name: str, queue: WorkQueue, lanes: Sequence[Lane], leases: Leases, alarm: Alarm, allowance: Allowance
    ) -> None:
        """`name` is this worker's among all: its claims carry it."""
        self.name = name
        self._queue = queue
        self._lanes = lanes
        self._leases = leases
        self._alarm = alarm
        self._allowance = allowance
        self._runners: Sequence[Runner] = ()

    async def run(self, told: Awaitable[None], drain_seconds: float, runners: Sequence[Runner] = ()) -> None:
        """Work until `told` returns or nothing is allowed any more; then drain, for so many seconds at most."""
        self._runners = runners
        beside = [asyncio.create_task(alone(runner)) for runner in runners]
        tending = [asyncio.create_task(self._leases.run()), asyncio.create_task(self._alarm.run(self._ring))]
        lanes = [asyncio.create_task(lane.run(self.name, self._leases.seconds)) for lane in self._lanes]
        stops = [asyncio.ensure_future(told), asyncio.create_task(self._allowance.spent.wait())]
        try:
            await asyncio.wait((*stops, *lanes, *tending), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*(ended(task) for task in (*beside, *stops)))
        finally:
            await self._drain(lanes, drain_seconds)
            await asyncio.gather(*(ended(task) for task in tending))
        for task in (*lanes, *tending):  # what broke is no way to stop
            if not task.cancelled():
                task.result()
        self._say_why()

    def shown(self) -> dict[str, Any]:
        """What /status shows."""
        return {
            "channels": [lane.shown() for lane in self._lanes],
            "processes": [dict(runner.status()) for runner in self._runners],
        }

    def _ring(self) -> None:
        for lane in self._lanes:
            lane.ring()

    async def _drain(self, running: Sequence[asyncio.Task[None]], seconds: float) -> None:
        """Leases are renewed until the end: nobody else takes over what is still in hand."""
        for lane in self._lanes:
            lane.stop()
        late = await asyncio.gather(*(lane.drained(seconds) for lane in self._lanes))
        await self._give_back([claim for claims in late for claim in claims])
        await asyncio.wait(running, timeout=1.0)
        await asyncio.gather(*(ended(task) for task in running))

    async def _give_back(self, claims: Sequence[Claimed]) -> None:
        if not claims:
            return
        try:
            await self._queue.give_back(claims)
        except AWAY as error:
            log.warning("commands in hand could not be given back, their leases will end", reason=str(error))
        else:
            log.info("commands in hand were given back", count=len(claims))

    def _say_why(self) -> None:
        names = ", ".join(f'"{lane.channel}"' for lane in self._lanes)
        log.info(f"stopping worker {names}")
        if self._allowance.spent.is_set():
            log.info(f"stopped due to maximum count of {self._allowance.limit} messages processed")
        else:
            log.info("stopped because it was told to, by SIGTERM or SIGINT")
