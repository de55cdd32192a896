"""Step 4, alone: floods a log's append from one process, without gRPC, validation or decisions."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import uvloop

from bench.apart import apart
from bench.entries import order_entries
from command_service.event_log import Appended, Entry, EventLog
from command_service.postgres.event_log import open_event_log

_PREPARED_PER_SECOND = 40_000
_GRACE_SECONDS = 120.0


@dataclass(frozen=True)
class Appends:
    """What the log took: entries, seconds, and the processor seconds of the process that appended."""

    entries: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Entries a second."""
        return self.entries / self.seconds


def append_alone(dsn: str, callers: int, seconds: float, first: int) -> Appends:
    """So many callers, each waiting for its entry; orders from number `first` on, prepared before the clock runs."""
    return apart(seconds + _GRACE_SECONDS, _timed, dsn, callers, seconds, first)


def fill(dsn: str, count: int, first: int = 0) -> Appends:
    """Put `count` orders into the log as fast as it takes them; their ids are `order_id(number, "bench-entry")`."""
    return apart(count / 1_000 + _GRACE_SECONDS, _filled, dsn, count, first)


def _timed(dsn: str, callers: int, seconds: float, first: int) -> Appends:
    entries = list(itertools.islice(order_entries(first), int(_PREPARED_PER_SECOND * seconds)))
    gc.freeze()
    return uvloop.run(_flood(dsn, iter(entries), callers, seconds))


def _filled(dsn: str, count: int, first: int) -> Appends:
    return uvloop.run(_flood(dsn, itertools.islice(order_entries(first), count), 512, float("inf")))


async def _flood(dsn: str, entries: Iterator[Entry], callers: int, seconds: float) -> Appends:
    async with open_event_log(dsn) as log:
        started, cpu = time.perf_counter(), time.process_time()
        counts = await asyncio.gather(*(_caller(log, entries, started + seconds) for _ in range(callers)))
        return Appends(sum(counts), time.perf_counter() - started, time.process_time() - cpu)


async def _caller(log: EventLog, entries: Iterator[Entry], until: float) -> int:
    done = 0
    for entry in entries:
        appended: Appended = await log.append(entry)
        if appended.replayed:
            raise RuntimeError(f"The new entry {entry.command_id} in process {os.getpid()} was taken for a known one.")
        done += 1
        if time.perf_counter() >= until:
            break
    return done
