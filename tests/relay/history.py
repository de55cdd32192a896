"""Logs of made-up records, and a relay at work on one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from uuid import uuid4

import nats
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.events_pb2 import CartCleared
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg

from command_service.event_log import Entry, EventLog, NewRecord
from command_service.memory_event_log import MemoryEventLog
from command_service.relay.connection import connected
from command_service.relay.relay import Relay
from command_service.relay.report import Report
from command_service.relay.settings import Settings
from runtime.ending import ended
from runtime.status import Status

CLEARED = CartCleared.DESCRIPTOR.full_name


async def grow(log: MemoryEventLog, records: int, data: bytes = b"") -> None:
    """Append so many records, each in a stream of its own."""
    for _ in range(records):
        user = uuid4().hex
        record = Record(id=user, type=CLEARED, stream=f"shop.cart-{user}", version=1, data=data, schema_version=1)
        record.data = data or CartCleared(user_id=user).SerializeToString()
        new = NewRecord(record.stream, 1, record.type, record.SerializeToString())
        await log.append(Entry(user, b"", ((record.stream, 0),), (new,), receipt=b"done"))


@asynccontextmanager
async def relaying(log: EventLog, url: str, **settings: float) -> AsyncIterator[Report]:
    """A relay at work, and what it says of itself."""
    all_settings = Settings("", url, **{"relay_ack_seconds": 1.0, "relay_audit_seconds": 0.2, **settings})
    report = Report(Status("relay", ""))
    relay = Relay(log, partial(connected, url, all_settings.relay_ack_seconds), all_settings, report)
    task = asyncio.create_task(relay.run())
    try:
        yield report
        assert not task.done()
    finally:
        await ended(task)


async def eventually(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait until the condition holds; TimeoutError after so many seconds."""
    async with asyncio.timeout(seconds):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.01)


async def stored(stream: JetStreamContext, messages: int) -> bool:
    """Whether the stream is there with at least so many messages."""
    return any(each.config.name == "LOG" and each.state.messages >= messages for each in await stream.streams_info())


@asynccontextmanager
async def jetstream(url: str) -> AsyncIterator[JetStreamContext]:
    """The broker as its administrator sees it."""
    client = await nats.connect(url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def messages(url: str) -> list[RawStreamMsg]:
    """Every message of the stream, by its sequence."""
    async with jetstream(url) as stream:
        state = (await stream.stream_info("LOG")).state
        return [await stream.get_msg("LOG", sequence) for sequence in range(1, state.last_seq + 1)]


async def is_copy(log: EventLog, url: str) -> None:
    """Assert that the stream holds the log's bytes, each at the sequence that is its position, and nothing else."""
    head = await log.head()
    logged = (await log.read_log(0, head.position + 1)).records
    found = await messages(url)
    assert [each.seq for each in found] == [each.position for each in logged]
    assert [each.data for each in found] == [each.record for each in logged]
    for message, record in zip(found, logged, strict=True):
        headers = message.headers or {}
        assert headers["Obverse-Epoch"] == head.epoch
        assert headers["Obverse-Position"] == str(record.position)
        assert headers["Obverse-Chain"] == record.chain.hex()
