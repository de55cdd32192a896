"""Steps 7 and 8: the projections, kept up with the log for ever, whatever goes away and comes back."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog

from projector.beat import Beat
from projector.consume import OtherChain, Reader
from projector.delivery import Delivery, StreamAway
from projector.events import Events
from projector.log_client import LogAway, LogClient
from projector.project import Batches, CheckpointLost
from projector.projection import Projection
from projector.runner import Runner
from projector.settings import Settings
from projector.views import Views, ViewsAway
from runtime.ending import ended
from runtime.upcast import UPCASTERS, Upcasters

LONGEST_PAUSE_SECONDS = 5.0

Deliveries = Callable[[int], AbstractAsyncContextManager[Delivery]]
"""The stream from a position on."""

log = structlog.get_logger()


class Projector:
    """Every projection, fed from one reading of the log."""

    def __init__(
        self,
        projections: Sequence[Projection],
        views: Views,
        log_client: LogClient,
        deliveries: Deliveries,
        settings: Settings,
        upcasters: Upcasters = UPCASTERS,
    ) -> None:
        self.runners = [Runner(projection, settings.projector_cached_views) for projection in projections]
        self.beat = Beat(self.runners, views, log_client)
        self.reason = ""
        """Why nothing moves; empty when nothing is wrong."""
        self._views = views
        self._log = log_client
        self._deliveries = deliveries
        self._settings = settings
        self._batches = Batches(views, Events((name for each in self.runners for name in each.handles), upcasters))
        self._failures = 0

    async def run(self) -> None:
        """Project until cancelled; whatever is away is asked again after a growing, jittered pause."""
        beating = asyncio.create_task(self.beat.run(self._settings.projector_beat_seconds))
        try:
            while True:
                try:
                    await self._session()
                except CheckpointLost as error:
                    log.info("Checkpoints have changed: reading them anew", projection=str(error))
                except (ViewsAway, StreamAway, LogAway) as error:
                    self._failures += 1
                    self._wait_for(str(error))
                await asyncio.sleep(self._pause())
        finally:
            await ended(beating)

    async def _session(self) -> None:
        """Read from the lowest checkpoint on, until something goes away or a checkpoint is not what it was."""
        places = await self._views.places([runner.name for runner in self.runners])
        for runner, place in zip(self.runners, places, strict=True):
            if not runner.stopped or runner.checkpoint != place.checkpoint:
                runner.adopt(place)
        self.beat.soon()
        active = [runner for runner in self.runners if not runner.stopped]
        if not active:
            await self._all_stopped()
        lowest = min(active, key=lambda runner: runner.position)
        at = lowest.checkpoint
        reader = Reader(self._log, *((at.epoch, at.position, at.chain) if at else ("", 0, b"")))
        async with self._deliveries(reader.position + 1) as delivery:
            self.beat.changed = lambda: delivery.interrupt(CheckpointLost("any"))
            await self._follow(delivery, reader, active)

    async def _follow(self, delivery: Delivery, reader: Reader, active: Sequence[Runner]) -> None:
        while not all(runner.stopped for runner in active):
            delivered = await delivery.take(self._settings.projector_batch_records)
            try:
                records = await reader.verified(delivered)
            except OtherChain as error:
                self._stop_at(active, reader, str(error))
                return
            if records:
                before = [runner.state.state for runner in active]
                await self._batches.project(records, active, delivery.more)
                if before != [runner.state.state for runner in active]:
                    self.beat.soon()
                self._failures = 0
                self._wait_for("")
            else:
                await self._batches.settle(active)

    def _stop_at(self, active: Sequence[Runner], reader: Reader, error: str) -> None:
        for runner in active:
            if runner.position <= reader.position and not runner.stopped:
                runner.stop(error, reader.position + 1, "")
        self.beat.soon()

    async def _all_stopped(self) -> None:
        waiting = asyncio.Event()
        self.beat.changed = waiting.set
        await waiting.wait()
        raise CheckpointLost("all")

    def _wait_for(self, reason: str) -> None:
        if reason != self.reason:
            self.reason = reason
            log.warning("Projector waits", reason=reason) if reason else log.info("Projector goes on")

    def _pause(self) -> float:
        if self._failures == 0:
            return 0.0
        return min(LONGEST_PAUSE_SECONDS, 0.02 * 2.0 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)

    def shown(self) -> dict[str, Any]:
        """What /status shows."""
        return {"reason": self.reason, "projections": [self._shown(runner) for runner in self.runners]}

    def _shown(self, runner: Runner) -> dict[str, Any]:
        head = self.beat.head
        return {
            "name": runner.name,
            "state": runner.state.state or "CATCHING_UP",
            "position": runner.position,
            "head": head.position if head else None,
            "lag_seconds": self.beat.lag(runner),
            "error": runner.state.error,
            "error_position": runner.state.position,
            "error_type": runner.state.type,
        }
