"""Step 0, inside the load process: connections, single calls, and the functions that a load names."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Sequence
from typing import cast

from bench import hpack
from bench.http2 import Connection
from bench.load import Follow


def named(name: str) -> Callable[..., object]:
    """The function that `module:function` names; ImportError or AttributeError when there is none."""
    module, _, function = name.partition(":")
    return cast(Callable[..., object], getattr(importlib.import_module(module), function))


async def connect(address: str, count: int) -> list[Connection]:
    """So many connections to host:port, ready for calls; OSError when nobody listens, TimeoutError after 10 s."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(Connection, host, int(port)))[1] for _ in range(count)]
    for connection in made:
        await asyncio.wait_for(connection.ready, 10)
    return made


class _Once:
    """One call that somebody awaits."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[int, bytes, str]] = asyncio.get_running_loop().create_future()

    def answered(self, status: int, message: bytes, text: str) -> None:
        self.answer.set_result((status, message, text))


async def ask(call: Follow, answers: Sequence[bytes]) -> tuple[float, bytes]:
    """One call made from earlier answers: when it was answered (perf_counter) and with what; ValueError if refused."""
    (connection,) = await connect(call.address, 1)
    body = cast(bytes, named(call.request)(answers))
    once = _Once()
    connection.call(hpack.request_block(call.address, call.path), body, once)
    status, message, text = await asyncio.wait_for(once.answer, 30)
    ended = time.perf_counter()
    connection.close()
    if status:
        raise ValueError(f"{call.path} answered {status} {text}")
    return ended, message
