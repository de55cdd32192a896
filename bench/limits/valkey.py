"""Limit of the query side: bare MGETs of order-sized values by redis-py, pipelined by nothing."""

from __future__ import annotations

import asyncio
import time

from redis.asyncio import Redis

_VIEWS = 10_000
_PER_CALL = 64


async def mget_keys_per_second(url: str, seconds: float) -> float:
    """Keys read a second by one connection, 64 keys of 300 bytes an MGET."""
    async with Redis.from_url(url, socket_timeout=5) as client:
        names = [f"bench:{number}" for number in range(_VIEWS)]
        await client.mset({name: bytes(300) for name in names})
        started, read = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            at = read % (_VIEWS - _PER_CALL)
            values = await client.mget(names[at : at + _PER_CALL])
            if None in values:
                raise RuntimeError("Valkey lost a key that was just set; is another process flushing it?")
            read += len(values)
        spent = time.perf_counter() - started
        await client.delete(*names)
        return read / spent


def run_mget(url: str, seconds: float) -> float:
    """`mget_keys_per_second` from synchronous code."""
    return asyncio.run(mget_keys_per_second(url, seconds))
