"""Goals P13 and P14: relay and projector started against records that are already there.

The relay's rate comes from the broker's own timestamps of the first and the last message, the projector's from its
checkpoint: neither has the start of the process in it.
"""

from __future__ import annotations

import asyncio
import time

import nats
import redis

from bench.apart import apart
from bench.append import fill
from bench.entries import record_bytes
from bench.limits.nats import PUBLISHERS, fetch_per_second, publish_per_second
from bench.system import BenchSystem, NotRunning

RECORDS = 200_000
_STREAM, _CHECKPOINT = "LOG", "cp:shop.orders:1"
_LONGEST_SECONDS = 120.0
_AWAITED, _MANY = 3_000, 20_000


def prepare(system: BenchSystem, records: int = RECORDS) -> None:
    """Fill the log, and start what relay and projector need."""
    fill(system.postgres.dsn("obverse_service"), records)
    system.start("command_service")


def relay(system: BenchSystem, figures: dict[str, float], records: int = RECORDS) -> None:
    """Delete the stream, start the relay, wait until the stream is full: P13."""
    asyncio.run(_delete_stream(system.nats.url))
    system.launch("relay")
    try:
        figures["relay_per_s"] = asyncio.run(_filled_per_second(system.nats.url, records))
    finally:
        system.stop("relay")
    for name in PUBLISHERS:
        bytes_ = record_bytes(_AWAITED if name == "awaited" else _MANY)
        rate = apart(_LONGEST_SECONDS, publish_per_second, system.nats.url, name, bytes_)
        figures[f"publish_{name.replace(' ', '_')}_per_s"] = rate
    figures["publish_best_per_s"] = max(value for name, value in figures.items() if name.startswith("publish_"))


def projector(system: BenchSystem, figures: dict[str, float], records: int = RECORDS) -> None:
    """Empty the store, start the projector, wait until its checkpoint is at the head: P14."""
    with redis.Redis.from_url(system.valkey.url) as client:
        client.flushall()
        system.launch("projector")
        try:
            figures["projector_per_s"] = _folded_per_second(client, records)
        finally:
            system.stop("projector")
    figures["fetch_500_per_s"] = apart(
        _LONGEST_SECONDS, fetch_per_second, system.nats.url, _STREAM, min(records, 50_000)
    )


async def _delete_stream(url: str) -> None:
    client = await nats.connect(url)
    try:
        await client.jetstream().delete_stream(_STREAM)
    except nats.js.errors.NotFoundError:
        return  # the first run: there is none yet
    finally:
        await client.close()


async def _filled_per_second(url: str, records: int) -> float:
    client = await nats.connect(url)
    stream, limit = client.jetstream(), time.monotonic() + _LONGEST_SECONDS
    try:
        while time.monotonic() < limit:
            try:
                first, last = [(await stream.get_msg(_STREAM, place)).time for place in (1, records)]
            except nats.js.errors.NotFoundError:
                await asyncio.sleep(0.1)
                continue
            if first and last:
                return (records - 1) / (last - first).total_seconds()
    finally:
        await client.close()
    raise NotRunning(f"The relay did not publish {records} records within {_LONGEST_SECONDS:.0f} s; see relay.log")


def _folded_per_second(client: redis.Redis, records: int) -> float:
    first, begun, limit = 0, 0.0, time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < limit:
        position, now = int(client.hget(_CHECKPOINT, "position") or 0), time.perf_counter()
        if position >= records:
            if not first:
                raise NotRunning(f"The projector passed {records} records unseen; use more of them")
            return (position - first) / (now - begun)
        if position and not first:
            first, begun = position, now
        time.sleep(0.005)
    raise NotRunning(f"The projector did not reach {records} within {_LONGEST_SECONDS:.0f} s; see projector.log")
