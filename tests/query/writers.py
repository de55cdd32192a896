"""Plays the projector's part on a store of views, in memory or on a server."""

import asyncio
import time
from typing import Any, Protocol

from redis.asyncio import Redis

from query_service.standing import Standing

EPOCH = "0190b5a8-0000-7000-8000-000000000001"
OTHER_EPOCH = "0190b5a8-0000-7000-8000-000000000002"


class Writer(Protocol):
    """What both can do."""

    async def apply(
        self,
        projection: str,
        standing: Standing,
        views: dict[str, bytes] | None = None,
        indexes: dict[str, dict[str, int]] | None = None,
    ) -> None:
        """Write views and index entries beside the standing, and notify."""


class MemoryWriter:
    """Writes to a MemoryReadStore."""

    def __init__(self, store: Any) -> None:
        self._store = store

    async def apply(self, projection: str, standing: Standing, views: Any = None, indexes: Any = None) -> None:
        self._store.apply(projection, standing, views, indexes)


class RedisWriter:
    """Writes to Redis as the projector does: one transaction, then the notification."""

    def __init__(self, client: "Redis", generation: str = "1", notify: bool = True) -> None:
        self._client = client
        self._generation = generation
        self._notify = notify

    async def apply(self, projection: str, standing: Standing, views: Any = None, indexes: Any = None) -> None:
        scope = f"{projection}:{self._generation}"
        async with self._client.pipeline(transaction=True) as pipe:
            for key, view in (views or {}).items():
                pipe.set(f"v:{scope}:{key}", view)
            for index, entries in (indexes or {}).items():
                pipe.zadd(f"i:{scope}:{index}", entries)
            checkpoint = {"epoch": standing.epoch, "position": standing.position, "chain": b"\xff" * 32, "time": 0}
            pipe.hset(f"cp:{scope}", mapping=checkpoint)
            head = {"epoch": standing.head_epoch, "position": standing.head_position, "beat": standing.beat, "time": 0}
            pipe.hset("cp:head", mapping=head)
            state = {"state": standing.state, "error": standing.error, "oldest_time": standing.oldest_time}
            pipe.hset(f"cp:{projection}:state", mapping=state)
            if self._notify:
                pipe.publish(f"applied:{projection}", f"{standing.epoch} {standing.position}")
            await pipe.execute()


def at(position: int, head: int | None = None, **more: Any) -> Standing:
    """A projection that runs, at a position of EPOCH, with a heartbeat of now."""
    values: dict[str, Any] = {
        "epoch": EPOCH,
        "head_epoch": EPOCH,
        "head_position": position if head is None else head,
        "beat": time.time(),
        "state": "RUNNING",
    }
    return Standing(position=position, **{**values, **more})


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Wait until `condition()` is true; AssertionError when it does not become so in time."""
    ends = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < ends, "it did not become true in time"
        await asyncio.sleep(0.005)
