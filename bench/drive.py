"""Step 0, inside the load process: callers in closed or open loop, their records, and calls that follow an answer."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import cast

import uvloop

from bench import hpack
from bench.calls import ask, connect, named
from bench.cpu import all_cpu_seconds
from bench.http2 import Connection
from bench.load import Load, LoadResult

_DRAIN_SECONDS = 20.0
_NEWEST = 256
_now = time.perf_counter


def drive(load: Load) -> LoadResult:
    """Carry out the load in this process; OSError when a server is not there, TimeoutError when it stops answering."""
    if load.cores:
        os.sched_setaffinity(0, load.cores)
    return uvloop.run(_Drive(load).run())


class _Caller:
    """A caller: sends, waits, records, and in a closed loop sends again at once."""

    __slots__ = ("_connection", "_drive", "_started")

    def __init__(self, drive: _Drive, connection: Connection) -> None:
        self._drive, self._connection, self._started = drive, connection, 0.0

    def send(self) -> None:
        self._started = _now()
        self._drive.sent += 1
        self._connection.call(self._drive.block, next(self._drive.bodies), self)

    def answered(self, status: int, message: bytes, text: str) -> None:
        if self._drive.record(self._started, status, message, text):
            self.send()


class _Follower:
    """The call made from an answer; its time runs from the moment that answer was here."""

    __slots__ = ("_drive", "_started")

    def __init__(self, drive: _Drive, started: float) -> None:
        self._drive, self._started = drive, started

    def answered(self, status: int, message: bytes, text: str) -> None:
        self._drive.following -= 1
        if status:
            self._drive.errors[f"follow {status} {text}"] += 1
        else:
            self._drive.follow_latencies.append(_now() - self._started)


class _Drive:
    """All that one load process knows."""

    def __init__(self, load: Load) -> None:
        self.load, self.errors, self.newest = load, Counter[str](), deque[bytes](maxlen=_NEWEST)
        self.latencies, self.follow_latencies, self.kept = array("d"), array("d"), list[bytes]()
        self.block = hpack.request_block(load.address, load.path)
        self.bodies = cast(Iterator[bytes], named(load.bodies)(**load.body_arguments))
        self.sent = self.answers = self.successes = self.answer_bytes = self.following = 0
        self.first, self._opens, self._closes, self._next_follow, self._last = b"", 0.0, 0.0, 0.0, 0.0
        self._follow_block, self._follow_connections = b"", itertools.cycle(list[Connection]())
        self._follow_request: Callable[..., object] | None = None

    def record(self, started: float, status: int, message: bytes, text: str) -> bool:
        """Take down one answer; says whether its caller goes on."""
        now = self._last = _now()
        self.answers += 1
        if status:
            self.errors[f"{status} {text}"] += 1
            return now < self._closes and status != 14 and not self.load.rate
        self.successes += 1
        if self._opens <= now < self._closes:
            self.latencies.append(now - started)
            self.answer_bytes += len(message)
            self._follow(now, message)
        if len(self.kept) < self.load.keep:
            self.kept.append(message)
        self.first = self.first or message
        self.newest.append(message)
        return now < self._closes and not self.load.rate and not 0 < self.load.count <= self.sent

    async def run(self) -> LoadResult:
        connections = await connect(self.load.address, min(self.load.connections, self.load.callers))
        others = await self._prepare_follow()
        start = _now()
        self._opens = start + self.load.warmup_seconds
        self._closes = self._opens + self.load.seconds
        sending = asyncio.ensure_future(self._send(connections))
        await asyncio.sleep(self._opens - _now())
        opened, before = _now(), self._cpu()
        await self._until_closed()
        closed, after = _now(), self._cpu()
        await sending
        await self._drain()
        settle_seconds, settled, at_once = await self._settle()
        for connection in (*connections, *others):
            connection.close()
        return LoadResult(
            len(self.latencies),
            min(closed, self._closes) - opened,
            sorted(self.latencies),
            dict(self.errors),
            self.successes,
            self.answer_bytes,
            {name: after[name] - before[name] for name in after},
            sorted(self.follow_latencies),
            settle_seconds,
            settled,
            at_once,
            (self.first, self.newest[-1] if self.newest else b""),
            self.kept,
        )

    async def _prepare_follow(self) -> list[Connection]:
        follow = self.load.follow
        if follow is None:
            return []
        made = await connect(follow.address, 2)
        self._follow_block = hpack.request_block(follow.address, follow.path)
        self._follow_request, self._follow_connections = named(follow.request), itertools.cycle(made)
        return made

    def _follow(self, now: float, message: bytes) -> None:
        if self._follow_request is None or self.load.follow is None or now < self._next_follow:
            return
        self._next_follow = now + 1 / self.load.follow.per_second
        self.following += 1
        body = cast(bytes, self._follow_request(message))
        next(self._follow_connections).call(self._follow_block, body, _Follower(self, now))

    async def _send(self, connections: list[Connection]) -> None:
        turns = itertools.cycle(connections)
        if not self.load.rate:
            for _ in range(min(self.load.callers, self.load.count or self.load.callers)):
                _Caller(self, next(turns)).send()
            return
        start = _now()
        while (now := _now()) < self._closes:
            for _ in range(int((now - start) * self.load.rate) + 1 - self.sent):
                _Caller(self, next(turns)).send()
            await asyncio.sleep(max(0.001, start + self.sent / self.load.rate - _now()))

    async def _until_closed(self) -> None:
        while (left := self._closes - _now()) > 0:
            if 0 < self.load.count <= self.answers:
                return
            await asyncio.sleep(min(left, 0.05 if self.load.count else left))

    async def _drain(self) -> None:
        limit = _now() + _DRAIN_SECONDS
        while self.answers < self.sent or self.following:
            if _now() > limit:
                missing = self.sent - self.answers + self.following
                raise TimeoutError(f"{missing} calls had no answer {_DRAIN_SECONDS:.0f} s after the run")
            await asyncio.sleep(0.001)

    async def _settle(self) -> tuple[float | None, bytes, bytes]:
        settle, at_once = self.load.settle, self.load.settle_at_once
        if settle is None:
            return None, b"", b""
        answers = [self.first, *self.newest]
        asked = [ask(call, answers) for call in (settle, at_once) if call is not None]
        settled, *rest = await asyncio.gather(*asked)
        return settled[0] - self._last, settled[1], rest[0][1] if rest else b""

    def _cpu(self) -> dict[str, float]:
        return {**all_cpu_seconds(self.load.watch), "load": time.process_time()}
