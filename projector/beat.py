"""The projector's heartbeat: the log's head, each projection's state, the oldest record that it has not projected."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog
from cqrs.log.v1.record_pb2 import Record
from prometheus_client import Gauge

from projector.log_client import LogAway, LogClient
from projector.runner import Runner
from projector.views import Checkpoint, Place, SeenHead, Views, ViewsAway, same_place
from runtime.record import Head

UNKNOWN_SECONDS = 2.0
"""A head that is older says nothing about the lag."""

_LAG = Gauge("obverse_projection_lag_seconds", "Age of the oldest record not projected; NaN: unknown.", ["projection"])
_HEAD = Gauge("obverse_projector_log_head", "Where the log ended at the last heartbeat.")

log = structlog.get_logger()


class Beat:
    """Tells the store and whoever asks how far the projections are from the log's end."""

    def __init__(self, runners: Sequence[Runner], views: Views, log_client: LogClient) -> None:
        self._runners = runners
        self._views = views
        self._log = log_client
        self._oldest: dict[int, float] = {}
        self.head: SeenHead | None = None
        self.changed: Callable[[], None] = lambda: None
        """Called when the store holds other checkpoints than the projections have come to."""
        self.known = asyncio.Event()
        """Set once the store has been told of every projection and of the log's end."""
        self._due = asyncio.Event()

    async def run(self, seconds: float) -> None:
        """Beat until cancelled, also while a store or the log is away."""
        while True:
            self._due.clear()
            try:
                await self.once()
            except ViewsAway as error:
                log.debug("No heartbeat", error=str(error))
            # Not wait_for: up to Python 3.11 it swallows a cancellation that comes together with what it waits for.
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._due.wait()

    def soon(self) -> None:
        """Beat at once: until the store is told that the projections run, queries take the views for incomplete."""
        self._due.set()

    async def once(self) -> None:
        """One heartbeat; raises ViewsAway."""
        before = {runner.name: runner.checkpoint for runner in self._runners}
        head = await self._look_at_head()
        places = await self._views.places([runner.name for runner in self._runners])
        for runner, place in zip(self._runners, places, strict=True):
            self._compare(runner, before[runner.name], place, head)
        for runner in self._runners:
            oldest = await self._oldest_time(runner)
            runner.state = replace(runner.state, oldest_time=oldest)
            lag = self.lag(runner)
            _LAG.labels(runner.name).set(float("nan") if lag is None else lag)
        states = {runner.name: runner.state for runner in self._runners if runner.state.state}
        await self._views.report(self.head if head else None, states)
        if head and len(states) == len(self._runners):
            self.known.set()

    def lag(self, runner: Runner) -> float | None:
        """The age in seconds of the oldest committed record that is not projected; None when that is unknown."""
        now = time.time()
        if self.head is None or now - self.head.time > UNKNOWN_SECONDS:
            return None
        return max(0.0, now - (runner.state.oldest_time or self.head.time)) if self._behind(runner) else 0.0

    def _behind(self, runner: Runner) -> bool:
        return self.head is not None and runner.position < self.head.position

    async def _look_at_head(self) -> Head | None:
        now = time.time()
        try:
            head = await self._log.head()
        except LogAway as error:
            log.debug("The log's head is unknown", error=str(error))
            return None
        self.head = SeenHead(head.epoch, head.position, now)
        _HEAD.set(head.position)
        for runner in self._runners:
            runner.head_is(head.position)
        return head

    def _compare(self, runner: Runner, before: Checkpoint | None, place: Place, head: Head | None) -> None:
        stored = place.checkpoint
        # One that was applied since `before` is further on: only what lies behind, or beside, was not our doing.
        lost = before is not None and (stored is None or stored.position < before.position)
        beside = stored is not None and before is not None and stored.position == before.position
        if lost or (beside and not same_place(stored, before)) or (runner.stopped and not same_place(stored, before)):
            self.changed()
        elif before is not None and head is not None and not runner.stopped and _contradicts(head, before):
            ends = (
                f"the log is at {head.position} of epoch {head.epoch}, the views at {before.position} of {before.epoch}"
            )
            runner.stop(f"{ends}: they show another history, or the log has lost its tail", 0, "")
            self.changed()

    async def _oldest_time(self, runner: Runner) -> float:
        if not self._behind(runner):
            return 0.0
        position = runner.position
        if position not in self._oldest:
            try:
                found = await self._log.read(position, 1)
            except LogAway:
                return runner.state.oldest_time
            if not found:
                return runner.state.oldest_time
            decided = Record.FromString(found[0].record).time
            self._oldest = {**dict(list(self._oldest.items())[-20:]), position: decided.seconds + decided.nanos / 1e9}
        return self._oldest[position]


def _contradicts(head: Head, checkpoint: Checkpoint) -> bool:
    if head.epoch != checkpoint.epoch or head.position < checkpoint.position:
        return True
    return head.position == checkpoint.position and head.chain != checkpoint.chain
