"""Step 6, seen: the state of every channel, with rates and durations from samples of its counters, and as metrics."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from cqrs.admin.v1.views_pb2 import Queue
from cqrs.common.v1 import errors_pb2
from google.protobuf.duration_pb2 import Duration
from prometheus_client import Gauge

from command_service.event_log import LogUnavailable
from command_service.work_queue import QueueCounts, WorkQueue
from runtime.call import refuse

SAMPLE_SECONDS = 2.0
LEISURE = 30
"""How many times as long as counting took the next count waits: counting a long queue must not become a load."""
RATE_SECONDS = 10.0
"""Over how long rates are taken."""
DURATION_SECONDS = 60.0
"""Over how long durations are taken."""

log = structlog.get_logger()

COMMANDS = Gauge(
    "obverse_queue_commands", "Commands of a channel", ["channel", "state"], multiprocess_mode="mostrecent"
)
TOTALS = Gauge(
    "obverse_queue_total", "Commands since the log began", ["channel", "outcome"], multiprocess_mode="mostrecent"
)
OLDEST = Gauge(
    "obverse_queue_oldest_seconds", "Age of the oldest open command", ["channel"], multiprocess_mode="mostrecent"
)
PAUSED = Gauge("obverse_queue_paused", "1 while a channel is paused", ["channel"], multiprocess_mode="mostrecent")

Sample = tuple[float, Mapping[str, QueueCounts]]
T = TypeVar("T")


async def reached(answer: Awaitable[T]) -> T:
    """What the tables of open work answer; the refusal that a caller gets while they are away."""
    try:
        return await answer
    except LogUnavailable as error:
        text = "The tables of open work are away: call again"
        raise refuse(errors_pb2.PLATFORM_ERROR_STORE_UNAVAILABLE, text, retry_seconds=1) from error


class Queues:
    """Every channel of this server and of the log, sampled while `watch` runs."""

    def __init__(self, work: WorkQueue, channels: Iterable[str]) -> None:
        """`channels` are shown also when nothing was ever on them."""
        self._work = work
        self._channels = tuple(channels)
        self._samples: deque[Sample] = deque()

    async def watch(self) -> None:
        """Take a sample now and then until cancelled."""
        while True:
            began = time.monotonic()
            try:
                await self.sample()
            except LogUnavailable as error:
                log.warning("the queues cannot be seen", reason=str(error))
            await asyncio.sleep(max(SAMPLE_SECONDS, LEISURE * (time.monotonic() - began)))

    async def all(self) -> list[Queue]:
        """Every channel, by name; raises LogUnavailable."""
        now, counts = await self.sample()
        return [self._queue(counts[name], now) for name in sorted(counts)]

    async def sample(self) -> Sample:
        """The counts of this moment, also kept for rates and shown as metrics."""
        found = {each.channel: each for each in await self._work.counts()}
        counts = {name: found.get(name, QueueCounts(name)) for name in {*self._channels, *found}}
        sample = (time.monotonic(), counts)
        while self._samples and self._samples[0][0] < sample[0] - DURATION_SECONDS - SAMPLE_SECONDS:
            self._samples.popleft()
        if not self._samples or self._samples[-1][0] <= sample[0] - SAMPLE_SECONDS / 2:  # however often it is asked
            self._samples.append(sample)
        _show(counts.values())
        return sample

    def _queue(self, counts: QueueCounts, now: float) -> Queue:
        queue = Queue(
            channel=counts.channel,
            ready=counts.ready,
            in_flight=counts.in_flight,
            waiting=counts.waiting,
            scheduled=counts.scheduled,
            failed=counts.failed,
            total=counts.ready + counts.in_flight + counts.waiting + counts.scheduled + counts.failed,
            paused=counts.paused,
            pause_reason=counts.pause_reason,
            accepted_total=counts.accepted_total,
            succeeded_total=counts.succeeded_total,
            refused_total=counts.refused_total,
            failed_total=counts.failed_total,
            retried_total=counts.retried_total,
        )
        before, seconds = self._before(counts.channel, now, RATE_SECONDS)
        if seconds > 0:
            queue.accepted_per_second = (counts.accepted_total - before.accepted_total) / seconds
            queue.finished_per_second = (_finished(counts) - _finished(before)) / seconds
        self._durations(queue, counts, now)
        if counts.oldest_time is not None:
            queue.oldest_age.CopyFrom(_duration(max(0.0, (datetime.now(UTC) - counts.oldest_time).total_seconds())))
        return queue

    def _durations(self, queue: Queue, counts: QueueCounts, now: float) -> None:
        before, _ = self._before(counts.channel, now, DURATION_SECONDS)
        earlier = dict(before.run_millis)
        recent = [(bound, count - earlier.get(bound, 0)) for bound, count in counts.run_millis]
        if sum(count for _, count in recent) > 0:
            queue.run_time_p50.CopyFrom(_duration(quantile(recent, 0.5) / 1000))
            queue.run_time_p99.CopyFrom(_duration(quantile(recent, 0.99) / 1000))

    def _before(self, channel: str, now: float, seconds: float) -> tuple[QueueCounts, float]:
        """The youngest sample of a channel that is at least so old, or the oldest there is; and its age."""
        chosen = self._samples[0]
        for sample in self._samples:
            if sample[0] > now - seconds:
                break
            chosen = sample
        return chosen[1].get(channel, QueueCounts(channel)), now - chosen[0]


def quantile(histogram: Sequence[tuple[int, int]], share: float) -> float:
    """The bound under which that share of the counted values lies."""
    wanted = max(1, math.ceil(share * sum(count for _, count in histogram)))
    for bound, count in sorted(histogram):
        wanted -= count
        if wanted <= 0:
            return bound
    raise ValueError("an empty histogram has no quantiles")


def _finished(counts: QueueCounts) -> int:
    return counts.succeeded_total + counts.refused_total + counts.failed_total


def _duration(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


def _show(queues: Iterable[QueueCounts]) -> None:
    for each in queues:
        for state in ("ready", "in_flight", "waiting", "scheduled", "failed"):
            COMMANDS.labels(each.channel, state).set(getattr(each, state))
        for outcome in ("accepted", "succeeded", "refused", "failed", "retried"):
            TOTALS.labels(each.channel, outcome).set(getattr(each, f"{outcome}_total"))
        age = (datetime.now(UTC) - each.oldest_time).total_seconds() if each.oldest_time else 0
        OLDEST.labels(each.channel).set(age)
        PAUSED.labels(each.channel).set(each.paused)
