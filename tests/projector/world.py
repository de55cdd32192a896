"""Everything that a projector lives on, real: broker, store, LogService; and the log that it projects."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from cqrs.common.v1.common_pb2 import Money
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.events_pb2 import CartCleared, ItemAddedToCart
from cqrs.shop.v1.views_pb2 import CartView
from google.protobuf.message import Message
from redis.asyncio import Redis

from command_service.event_log import Entry, NewRecord
from command_service.log_service import DESCRIPTOR, LogService
from command_service.memory_event_log import MemoryEventLog
from ops.embedded import EmbeddedNats, EmbeddedValkey
from projector.delivery import deliveries
from projector.domains.shop import PROJECTIONS
from projector.log_client import LogClient, open_log
from projector.projection import Changes, Fact, Projection, ViewKey, Views
from projector.projector import Projector
from projector.redis_views import open_views
from projector.runner import Runner
from projector.settings import Settings
from runtime.ending import ended
from runtime.grpc_server import ServerLimits, serve
from runtime.upcast import UPCASTERS, Upcasters
from tests.relay.history import relaying

LIMITS = ServerLimits(256 * 1024, most_under_way=500, default_seconds=5, drain_seconds=1)


async def add(log: MemoryEventLog, event: Message, stream: str, kind: str = "", data: bytes | None = None) -> None:
    """Append one event to a stream."""
    version = len(await log.read_stream(stream)) + 1
    name = kind or event.DESCRIPTOR.full_name
    record = Record(id=uuid4().hex, type=name, stream=stream, version=version, schema_version=1)
    record.data = event.SerializeToString() if data is None else data
    record.time.GetCurrentTime()
    new = NewRecord(stream, version, name, record.SerializeToString())
    await log.append(Entry(record.id, b"", ((stream, version - 1),), (new,), receipt=b"done"))


async def fill(log: MemoryEventLog, records: int, users: int = 7) -> None:
    """Let users put items into their carts."""
    for number in range(records):
        user, price = f"user{number % users}", Money(currency_code="EUR", minor_units=100)
        item = ItemAddedToCart(user_id=user, item_id=f"item{number % 3}", quantity=1 + number % 4, price=price)
        await add(log, item, f"shop.cart-{user}")


async def quantities(log: MemoryEventLog) -> dict[str, int]:
    """What the log says that is in each cart, by other code than the projections'."""
    totals: dict[str, int] = {}
    for logged in (await log.read_log(0, 1_000_000)).records:
        record = Record.FromString(logged.record)
        if record.type == ItemAddedToCart.DESCRIPTOR.full_name:
            event = ItemAddedToCart.FromString(record.data)
            totals[event.user_id] = totals.get(event.user_id, 0) + event.quantity
        elif record.type == CartCleared.DESCRIPTOR.full_name:
            totals[CartCleared.FromString(record.data).user_id] = 0
    return totals


@dataclass
class World:
    """The servers of a test, its log, and how to look into the store."""

    nats: EmbeddedNats
    valkey: EmbeddedValkey
    admin: Redis
    log: MemoryEventLog
    log_client: LogClient
    stack: AsyncExitStack
    projections: Sequence[Projection] = field(default_factory=lambda: PROJECTIONS)

    async def project(self, upcasters: Upcasters = UPCASTERS, **settings: Any) -> "Working":
        """Start a projector that works until the test ends or it is stopped."""
        all_settings = Settings("", "", **{"projector_beat_seconds": 0.05, "projector_store_seconds": 1.0, **settings})
        views = await self.stack.enter_async_context(open_views(self.valkey.url_for("projector"), 1.0))
        source = partial(deliveries, self.nats.url_for("projector"))
        projector = Projector(self.projections, views, self.log_client, source, all_settings, upcasters)
        working = Working(projector, asyncio.create_task(projector.run()))
        self.stack.push_async_callback(working.stop)
        return working

    async def relay(self) -> None:
        """Start a relay that works until the test ends."""
        await self.stack.enter_async_context(relaying(self.log, self.nats.url_for("relay"), relay_poll_seconds=0.05))

    async def carts(self) -> dict[str, int]:
        """The total number of items in each cart, from the stored views."""
        keys = [key async for key in self.admin.scan_iter("v:shop.carts:1:cart:*", count=1000)]
        views = [CartView.FromString(each) for each in await self.admin.mget(keys)] if keys else []
        return {view.user_id: view.total_items for view in views}

    async def everything(self) -> dict[bytes, Any]:
        """All views, indexes and checkpoints as stored; not what the projector says of itself."""
        dump = {key: await self.admin.dump(key) for key in await self.admin.keys("*")}
        return {key: content for key, content in dump.items() if key != b"cp:head" and not key.endswith(b":state")}


@dataclass
class Working:
    """A projector at work."""

    projector: Projector
    task: "asyncio.Task[None]"

    def runner(self, name: str) -> Runner:
        return next(each for each in self.projector.runners if each.name == name)

    def at(self, position: int, name: str = "") -> Callable[[], bool]:
        """Whether every projection, or the named one, has come to a position."""
        runners = [each for each in self.projector.runners if name in ("", each.name)]
        return lambda: all(each.position == position for each in runners)

    async def stop(self) -> None:
        if self.task.done() and not self.task.cancelled():
            self.task.result()
        await ended(self.task)


@asynccontextmanager
async def world(nats: EmbeddedNats, valkey: EmbeddedValkey) -> AsyncIterator[World]:
    """A world with an empty log; the servers may have been used before."""
    log = MemoryEventLog()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serve("127.0.0.1:0", [(DESCRIPTOR, LogService(log).handlers())], LIMITS))
        log_client = await stack.enter_async_context(open_log(f"127.0.0.1:{port}"))
        admin = await stack.enter_async_context(Redis.from_url(valkey.url))
        yield World(nats, valkey, admin, log, log_client, stack)


def counting(name: str, poison: Callable[[Fact], None] = lambda _: None) -> Projection:
    """A projection that keeps each cart's events' number as total_items, and may raise."""

    def needs(fact: Fact, _: Views) -> tuple[ViewKey, ...]:
        return (ViewKey(CartView, f"count:{fact.event.user_id}"),)

    def apply(fact: Fact, views: Mapping[str, Any]) -> Changes:
        poison(fact)
        key = f"count:{fact.event.user_id}"
        before = views[key].total_items if views[key] else 0
        return Changes({key: CartView(user_id=fact.event.user_id, total_items=before + 1)})

    return Projection(name, (ItemAddedToCart,), needs, apply)
