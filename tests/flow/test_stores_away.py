"""Stores that are away: what goes on without them, what callers are told, and how everything catches up by itself."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import grpc
import psutil
import pytest
from cqrs.common.v1.common_pb2 import CommandReceipt
from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest
from cqrs.shop.v1.queries_pb2 import GetCartRequest, GetOrderRequest, ListOrdersRequest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ops.supervisor import System
from tests.faults.load import Load
from tests.running import Commands, Queries, commands, eur, faults, fresh, one_more, queries, until


def add(user_id: str, command_id: str = "") -> AddItemToCartRequest:
    request = AddItemToCartRequest(user_id=user_id, item_id="i", quantity=1, price=eur(100))
    request.context.command_id = command_id
    return request


async def unavailable(call: Awaitable[Any]) -> str:
    """The reason of a call that must be UNAVAILABLE with RetryInfo."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE, caught.value
    trailing = dict(caught.value.trailing_metadata() or ())
    info, retry = ErrorInfo(), RetryInfo()
    details = Status.FromString(bytes(trailing["grpc-status-details-bin"])).details
    assert details[0].Unpack(info)
    assert details[1].Unpack(retry)
    assert 0 < retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9 <= 2
    return info.reason


async def written(asks: Commands, user_id: str, times: int) -> CommandReceipt:
    for _ in range(times):
        receipt = (await asks.carts.AddItemToCart(add(user_id), timeout=5)).receipt
    return receipt


async def shown(reads: Queries, user_id: str, receipt: CommandReceipt) -> int:
    request = GetCartRequest(user_id=user_id, consistency=fresh(receipt, 20))
    return (await reads.carts.GetCart(request, timeout=25)).cart.total_items


# promise 000-7, 002-10, 002-16, 003-16
async def test_the_query_server_answers_with_postgres_and_nats_down(fragile: System) -> None:
    async with commands(fragile.command_address) as asks, queries(fragile.query_address) as reads:
        receipt = await written(asks, "no-log", 3)
        assert await shown(reads, "no-log", receipt) == 3
        for name in ("postgres", "nats"):
            fragile.kill(name, stay_down=True)
        for _ in range(50):
            assert await shown(reads, "no-log", receipt) == 3
            await reads.orders.ListOrders(ListOrdersRequest())
        assert await unavailable(asks.carts.AddItemToCart(add("no-log", "unknown"), timeout=10)) == "STORE_UNAVAILABLE"

        async def lag_is_unknown() -> bool:
            return not (await reads.carts.GetCart(GetCartRequest(user_id="no-log"))).metadata.HasField("lag")

        await until(lag_is_unknown, 10)
        for name in ("postgres", "nats"):
            fragile.start_one(name)

        async def taken() -> CommandReceipt:
            return (await asks.carts.AddItemToCart(add("no-log", "unknown"), timeout=5)).receipt

        assert await shown(reads, "no-log", await until(taken)) == 4
    assert not await faults(fragile)


# promise 001-55, 002-5, 002-10, 002-16, 004-12, 004-13, 004-14, 003-16
async def test_commands_go_on_with_valkey_and_nats_down_and_the_views_catch_up_by_themselves(fragile: System) -> None:
    async with commands(fragile.command_address) as asks, queries(fragile.query_address) as reads:
        before = await written(asks, "no-views", 2)
        assert await shown(reads, "no-views", before) == 2
        for name in ("valkey", "nats"):
            fragile.kill(name, stay_down=True)
        receipt = await written(asks, "no-views", 100)
        question = reads.carts.GetCart(GetCartRequest(user_id="no-views"), timeout=10)
        assert await unavailable(question) == "STORE_UNAVAILABLE"
        fragile.start_one("valkey")

        async def older() -> int:
            return (await reads.carts.GetCart(GetCartRequest(user_id="no-views"), timeout=5)).cart.total_items

        assert await until(older) == 2
        fragile.start_one("nats")
        assert await shown(reads, "no-views", receipt) == 102
    assert not await faults(fragile)


# promise 002-16, 000-34
async def test_a_store_of_views_that_hangs_holds_up_no_command(fragile: System) -> None:
    async with commands(fragile.command_address) as asks, queries(fragile.query_address) as reads:
        valkey = psutil.Process(fragile.pid("valkey"))
        valkey.suspend()
        try:
            receipt = await asyncio.wait_for(written(asks, "hangs", 100), 10)
            question = reads.orders.GetOrder(GetOrderRequest(order_id="hangs"), timeout=20)
            assert await unavailable(question) == "STORE_UNAVAILABLE"
        finally:
            valkey.resume()

        async def caught_up() -> bool:
            return await shown(reads, "hangs", receipt) == 100

        await until(caught_up)


# promise 002-11, 002-12, 004-14, 003-14
async def test_without_a_projector_a_token_is_not_reached_and_an_older_answer_is_marked(fragile: System) -> None:
    async with commands(fragile.command_address) as asks, queries(fragile.query_address) as reads:
        first = await written(asks, "behind", 1)
        assert await shown(reads, "behind", first) == 1
        fragile.kill("projector", stay_down=True)
        receipt = await written(asks, "behind", 5)
        request = GetCartRequest(user_id="behind", consistency=fresh(receipt))
        request.consistency.max_wait.FromMilliseconds(200)
        assert await unavailable(reads.carts.GetCart(request)) == "NOT_CAUGHT_UP"
        request.consistency.allow_stale = True
        answer = await reads.carts.GetCart(request)
        assert (answer.cart.total_items, answer.metadata.stale) == (1, True)
        fragile.start_one("projector")
        assert await shown(reads, "behind", receipt) == 6


# promise 000-34
async def test_a_second_relay_started_on_purpose_changes_nothing(fragile: System) -> None:
    load = Load(fragile.command_address, fragile.query_address, seed="second-relay")
    async with load.running():
        await load.answered(100)
        with one_more(fragile, "relay"):
            await load.answered(200)
            fragile.kill("relay", stay_down=True)
            await read_on(load, 50)  # tokens are reached, so the second one goes on
            fragile.start_one("relay")
            await load.answered(200)
        await load.answered(100)
    assert not load.wrong
    assert not await faults(fragile, load.acked, load.unknown)


async def read_on(load: Load, more: int) -> None:
    """Wait until so many more writes have been read back."""
    goal = load.read + more

    async def reading() -> bool:
        return load.read >= goal

    await until(reading)
