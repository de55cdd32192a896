"""What tests do with a running system: call it, wait until it has settled, start one more of a service, check it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import grpc
import nats
import redis
from cqrs.common.v1.common_pb2 import CommandReceipt, Money, ReadConsistency
from cqrs.log.v1.log_service_pb2 import GetHeadRequest
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub
from cqrs.shop.v1.commands_pb2_grpc import CartCommandServiceStub, OrderCommandServiceStub
from cqrs.shop.v1.queries_pb2_grpc import CartQueryServiceStub, OrderQueryServiceStub

from ops.service import SERVICES, ServiceProcess
from ops.supervisor import ROOT, System
from tests.checker import (
    PROJECTIONS,
    faults_in_answers,
    faults_in_log,
    faults_in_stream,
    faults_in_views,
    read_log,
    read_stream,
    read_views,
)

if TYPE_CHECKING:  # the generated modules have these names for the type checker only
    from cqrs.log.v1.log_service_pb2_grpc import LogServiceAsyncStub
    from cqrs.shop.v1.commands_pb2_grpc import CartCommandServiceAsyncStub, OrderCommandServiceAsyncStub
    from cqrs.shop.v1.queries_pb2_grpc import CartQueryServiceAsyncStub, OrderQueryServiceAsyncStub

# A channel that comes back soon after its server does, and shares its connection with no other channel.
QUICK = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)
Answer = TypeVar("Answer")
_log_number = count(1)


@dataclass(frozen=True)
class Commands:
    """Stubs of a command server."""

    carts: CartCommandServiceAsyncStub
    orders: OrderCommandServiceAsyncStub
    log: LogServiceAsyncStub


@dataclass(frozen=True)
class Queries:
    """Stubs of a query server."""

    carts: CartQueryServiceAsyncStub
    orders: OrderQueryServiceAsyncStub


@asynccontextmanager
async def commands(target: str, *options: tuple[str, str | int]) -> AsyncIterator[Commands]:
    """A connection of its own to a command server."""
    async with grpc.aio.insecure_channel(target, options=(*QUICK, *options)) as channel:
        yield Commands(CartCommandServiceStub(channel), OrderCommandServiceStub(channel), LogServiceStub(channel))


@asynccontextmanager
async def queries(target: str, *options: tuple[str, str | int]) -> AsyncIterator[Queries]:
    """A connection of its own to a query server."""
    async with grpc.aio.insecure_channel(target, options=(*QUICK, *options)) as channel:
        yield Queries(CartQueryServiceStub(channel), OrderQueryServiceStub(channel))


@contextmanager
def one_more(system: System, name: str, environ: Mapping[str, str] | None = None) -> Iterator[ServiceProcess]:
    """One more process of a service, with the environment that the system gives its own."""
    service = next(each for each in SERVICES if each.name == name)
    log = system.data / "logs" / f"{name}-more-{next(_log_number)}.log"
    process = ServiceProcess(service, log, ROOT, lambda: {**system.environment(name), **(environ or {})})
    process.start()
    try:
        process.wait_healthy(30)
        yield process
    finally:
        process.stop()


async def until(ask: Callable[[], Awaitable[Answer]], seconds: float = 20) -> Answer:
    """What `ask` gives once that is true; what a store or server that is away raises counts as false."""
    deadline, last = time.monotonic() + seconds, "it was never true"
    while time.monotonic() < deadline:
        try:
            if answer := await ask():
                return answer
        except (TimeoutError, grpc.RpcError, redis.RedisError, nats.errors.Error, OSError) as error:
            last = repr(error)
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {ask}; {last}")


async def settled(system: System, seconds: float = 20) -> int:
    """The log's head, once the stream and every view have come there; AssertionError when they do not in time."""

    async def alike() -> int:
        async with commands(system.command_address) as clients:
            head = (await clients.log.GetHead(GetHeadRequest(), timeout=2)).token.position
        connection = await nats.connect(system.nats.url, connect_timeout=1, max_reconnect_attempts=0)
        try:
            published = (await connection.jetstream().stream_info("LOG")).state.last_seq
        finally:
            await connection.close()
        with redis.Redis.from_url(system.valkey.url) as client:
            projected = [int(client.hget(f"cp:{name}:1", "position") or 0) for name in PROJECTIONS]
        return head if {published, *projected} == {head} else 0

    return await until(alike, seconds)


async def faults(
    system: System, acked: Mapping[str, CommandReceipt] | None = None, unknown: Sequence[str] = ()
) -> list[str]:
    """Everything that the checker finds wrong with a system, once it has settled."""
    await settled(system)
    log = await read_log(system.command_address)
    stream, views = await read_stream(system.nats.url), read_views(system.valkey.url)
    found = [*faults_in_log(log), *faults_in_stream(log, stream), *faults_in_views(log, views)]
    return [*found, *faults_in_answers(log, acked or {}, unknown)]


def fresh(receipt: CommandReceipt, seconds: int = 10) -> ReadConsistency:
    """At least as fresh as a command."""
    consistency = ReadConsistency(at_least_token=receipt.token)
    consistency.max_wait.seconds = seconds
    return consistency


def eur(minor_units: int) -> Money:
    """An amount in euros."""
    return Money(minor_units=minor_units, currency_code="EUR")
