"""Queries change nothing, ask the store once, and neither side is connected to what belongs to the other."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import grpc
import psutil
import pytest
import redis
import redis.asyncio
from cqrs.common.v1.common_pb2 import CommandReceipt
from cqrs.log.v1.log_service_pb2 import GetHeadRequest, ReadLogRequest, ReadStreamRequest
from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest, CreateOrderRequest
from cqrs.shop.v1.queries_pb2 import (
    GetCartRequest,
    GetOrderRequest,
    ListCustomerOrdersRequest,
    ListOrdersRequest,
)
from cqrs.shop.v1.types_pb2 import OrderItem

from ops.supervisor import System
from tests.running import commands, eur, fresh, queries, settled


async def write_side(system: System) -> str:
    """A hash of every row of every table of the log."""
    connection = await asyncpg.connect(system.postgres.dsn("postgres"))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'obverse' ORDER BY 1")
        digest = hashlib.sha256()
        for (table,) in tables:
            rows = await connection.fetch(f'SELECT t::text FROM obverse."{table}" t ORDER BY 1')
            digest.update(repr((table, [row[0] for row in rows])).encode())
        assert len(tables) > 3
        return digest.hexdigest()
    finally:
        await connection.close()


def read_side(system: System) -> str:
    """A hash of every key and value of the views' store."""
    with redis.Redis.from_url(system.valkey.url) as client:
        keys = sorted(client.scan_iter("*", count=1000))
        assert keys
        return hashlib.sha256(repr([(key, client.dump(key), client.pttl(key)) for key in keys]).encode()).hexdigest()


@asynccontextmanager
async def every_query(system: System, receipt: CommandReceipt) -> Any:
    """Name and call of every RPC that is a question, on both servers."""
    token = fresh(receipt)
    async with commands(system.command_address) as asks, queries(system.query_address) as reads:
        orders, log = reads.orders, asks.log

        async def streamed(call: Any) -> list[Any]:
            return [each async for each in call]

        async def refused(call: Any) -> None:
            with pytest.raises(grpc.aio.AioRpcError):
                await call

        unknown, customer = GetOrderRequest(order_id="nobody"), ListCustomerOrdersRequest(customer_id="quiet")
        yield {
            "GetCart": lambda: reads.carts.GetCart(GetCartRequest(user_id="quiet", consistency=token)),
            "GetCart, none": lambda: reads.carts.GetCart(GetCartRequest(user_id="nobody")),
            "GetOrder": lambda: orders.GetOrder(GetOrderRequest(order_id="quiet-1", consistency=token)),
            "GetOrder, none": lambda: refused(orders.GetOrder(unknown)),
            "ListOrders": lambda: orders.ListOrders(ListOrdersRequest(page_size=2, consistency=token)),
            "ListCustomerOrders": lambda: orders.ListCustomerOrders(customer),
            "GetHead": lambda: log.GetHead(GetHeadRequest()),
            "ReadLog": lambda: streamed(log.ReadLog(ReadLogRequest(stop_at_head=True))),
            "ReadStream": lambda: streamed(log.ReadStream(ReadStreamRequest(stream="shop.order-quiet-1"))),
        }


async def written(system: System) -> CommandReceipt:
    async with commands(system.command_address) as asks:
        item = OrderItem(product_id="p", quantity=1, price=eur(100))
        for number in range(5):
            request = CreateOrderRequest(order_id=f"quiet-{number}", customer_id="quiet", items=[item])
            request.context.command_id = request.order_id
            await asks.orders.CreateOrder(request)
        add = AddItemToCartRequest(user_id="quiet", item_id="a", quantity=1, price=eur(1))
        return (await asks.carts.AddItemToCart(add)).receipt


# promise 000-5, 001-2, 003-18
async def test_no_query_changes_anything_in_either_store(fragile: System) -> None:
    receipt = await written(fragile)
    await settled(fragile)
    # Its heartbeat writes twice a second; without it nothing but the queries could change the store.
    await asyncio.to_thread(fragile.stop_one, "projector")
    async with every_query(fragile, receipt) as asked:
        before = await write_side(fragile), read_side(fragile)
        for name, ask in asked.items():
            await ask()
            assert (await write_side(fragile), read_side(fragile)) == before, f"{name} changed something"


# promise 000-6, 001-6, 001-7
async def test_each_query_is_one_request_to_the_store(fragile: System) -> None:
    receipt = await written(fragile)
    await settled(fragile)
    await asyncio.to_thread(fragile.stop_one, "projector")
    async with every_query(fragile, receipt) as asked, requests_to(fragile) as requested:
        for name in ("GetCart", "GetCart, none", "GetOrder", "GetOrder, none", "ListOrders", "ListCustomerOrders"):
            await asked[name]()
            assert await requested() == ["EVALSHA_RO"], name


# promise 000-6, 004-15
async def test_queries_under_load_share_their_requests_to_the_store(fragile: System) -> None:
    receipt = await written(fragile)

    def answered() -> int:
        with redis.Redis.from_url(fragile.valkey.url) as client:
            return int(client.info("commandstats")["cmdstat_evalsha_ro"]["calls"])

    async with queries(fragile.query_address) as reads:
        asked = GetCartRequest(user_id="quiet", consistency=fresh(receipt))
        cart = (await reads.carts.GetCart(asked)).cart
        before = answered()

        async def read() -> None:
            for _ in range(25):
                assert (await reads.carts.GetCart(asked)).cart == cart

        await asyncio.gather(*(read() for _ in range(64)))
    # How many share one depends on the machine's load, that they share does not.
    assert answered() - before < 25 * 64 * 3 / 4


@asynccontextmanager
async def requests_to(system: System) -> Any:
    """Gives what tells which commands have reached the store since it was asked last, but for what scripts do."""
    client = redis.asyncio.Redis.from_url(system.valkey.url)
    async with client.monitor() as monitor:
        marks = iter(f"mark-{number}" for number in range(1000))
        marker = redis.asyncio.Redis.from_url(system.valkey.url)

        async def requested() -> list[str]:
            mark = next(marks)
            names: list[str] = []
            await marker.echo(mark)
            while True:
                seen = await monitor.next_command()
                if mark in seen["command"]:
                    return names
                if seen["client_type"] != "lua" and seen["command"].split()[0] not in _HOUSEKEEPING:
                    names.append(seen["command"].split()[0].upper())

        await requested()
        yield requested
        await marker.aclose()
    await client.aclose()


_HOUSEKEEPING = ("CLIENT", "HELLO", "AUTH", "PING", "SUBSCRIBE", "PSUBSCRIBE", "SELECT", "SCRIPT")


# promise 000-7, 002-10, 002-12, 003-16
def test_each_process_is_connected_to_its_own_stores_alone(system: System) -> None:
    ports = {getattr(system, name).port: name for name in ("postgres", "nats", "valkey")}
    expected = {
        "command_service": {"postgres"},
        "relay": {"postgres", "nats"},
        "projector": {"nats", "valkey"},
        "query_service": {"valkey"},
        "worker": {"postgres"},
    }
    assert {name: set(connected(system.pid(name), ports)) for name in expected} == expected


def connected(pid: int, ports: dict[int, str]) -> Iterator[str]:
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        for connection in each.net_connections("tcp"):
            if connection.raddr and connection.raddr.port in ports:
                yield ports[connection.raddr.port]
