"""Limit of relay and projector: bare nats-py publishers with an expected sequence on each message, and `fetch(500)`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial

import nats
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NoMessages
from nats.js import JetStreamContext
from nats.js.api import DeliverPolicy, StreamConfig

EXPECTED = "Nats-Expected-Last-Sequence"
_STREAM, _SUBJECT = "BENCH", "bench.shop.order.OrderCreated"
_WINDOW = 1_000
_LONGEST_SECONDS = 30.0

Publisher = Callable[[Client, JetStreamContext, list[bytes]], Coroutine[None, None, None]]


async def awaited(client: Client, stream: JetStreamContext, records: list[bytes]) -> None:
    """One publish after the other, each awaited."""
    for sequence, record in enumerate(records):
        await stream.publish(_SUBJECT, record, headers=_headers(sequence))


async def in_flight(client: Client, stream: JetStreamContext, records: list[bytes]) -> None:
    """publish_async: many in flight, each answered by its own future."""
    waiting = []
    for sequence, record in enumerate(records):
        waiting.append(await stream.publish_async(_SUBJECT, record, headers=_headers(sequence)))
        if len(waiting) == _WINDOW:
            await asyncio.gather(*waiting)
            waiting.clear()
    await asyncio.gather(*waiting)


async def one_inbox(client: Client, stream: JetStreamContext, records: list[bytes]) -> None:
    """Plain publishes whose acknowledgements come to one inbox and are only counted, at most 1,000 unanswered."""
    inbox, acked, room = client.new_inbox(), 0, asyncio.Event()

    async def count(message: Msg) -> None:
        nonlocal acked
        if b'"error"' in message.data:
            raise RuntimeError(f"JetStream refused a message: {message.data.decode()}")
        acked += 1
        room.set()

    def at_least(wanted: int) -> bool:
        return acked >= wanted

    subscription = await client.subscribe(inbox, cb=count)
    for sequence, record in enumerate(records):
        await client.publish(_SUBJECT, record, reply=inbox, headers=_headers(sequence))
        if sequence - acked >= _WINDOW:
            await _reached(partial(at_least, sequence - _WINDOW // 2), room)
    await _reached(partial(at_least, len(records)), room)
    await subscription.unsubscribe()


PUBLISHERS: dict[str, Publisher] = {"awaited": awaited, "publish_async": in_flight, "one ack inbox": one_inbox}


async def _reached(done: Callable[[], bool], changed: asyncio.Event) -> None:
    async with asyncio.timeout(_LONGEST_SECONDS):
        while not done():
            changed.clear()
            await changed.wait()


def publish_per_second(url: str, name: str, records: list[bytes]) -> float:
    """Messages a second that the named publisher gets acknowledged, on a stream of its own like LOG."""

    async def run() -> float:
        async with _stream(url) as (client, stream):
            started = time.perf_counter()
            await PUBLISHERS[name](client, stream, records)
            return len(records) / (time.perf_counter() - started)

    return uvloop.run(run())


def fetch_per_second(url: str, stream: str, count: int) -> float:
    """Messages a second that `fetch(500)` with one acknowledgement a batch takes from an existing stream."""

    async def run() -> float:
        client = await nats.connect(url)
        try:
            return await _fetch(client.jetstream(), stream, count)
        finally:
            await client.close()

    return uvloop.run(run())


async def _fetch(stream: JetStreamContext, name: str, count: int) -> float:
    config = nats.js.api.ConsumerConfig(ack_policy=nats.js.api.AckPolicy.ALL, deliver_policy=DeliverPolicy.ALL)
    subscription = await stream.pull_subscribe("", stream=name, config=config)
    taken, started = 0, time.perf_counter()
    while taken < count and time.perf_counter() - started < _LONGEST_SECONDS:
        try:
            messages = await subscription.fetch(500, timeout=1)
        except NoMessages:
            break
        taken += len(messages)
        await messages[-1].ack()
    spent = time.perf_counter() - started
    await subscription.unsubscribe()
    if taken < count:
        raise RuntimeError(f"fetch(500) got {taken} of {count} messages of {name}; is the stream as long as that?")
    return taken / spent


@asynccontextmanager
async def _stream(url: str) -> AsyncIterator[tuple[Client, JetStreamContext]]:
    client = await nats.connect(url)
    try:
        stream = client.jetstream(publish_async_max_pending=_WINDOW)
        await stream.add_stream(StreamConfig(name=_STREAM, subjects=["bench.>"]))
        try:
            yield client, stream
        finally:
            await stream.delete_stream(_STREAM)
    finally:
        await client.close()


def _headers(sequence: int) -> dict[str, str]:
    return {EXPECTED: str(sequence)}
