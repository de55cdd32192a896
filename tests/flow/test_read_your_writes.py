"""From a command to the view: never stale with a token, one effect per command id, no race lost."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import psutil
import pytest
from cqrs.common.v1.common_pb2 import CommandContext, ReadConsistency
from cqrs.log.v1.log_service_pb2 import ReadStreamRequest
from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest, CreateOrderRequest
from cqrs.shop.v1.queries_pb2 import GetCartRequest, GetOrderRequest, ListOrdersRequest
from cqrs.shop.v1.types_pb2 import OrderItem

from ops.supervisor import System
from tests.command.serving import refusal
from tests.running import Commands, Queries, commands, eur, faults, fresh


def order(order_id: str, command_id: str = "") -> CreateOrderRequest:
    item = OrderItem(product_id="p", quantity=1, price=eur(100))
    context = CommandContext(command_id=command_id)
    return CreateOrderRequest(context=context, order_id=order_id, customer_id="reader", items=[item])


def add(user_id: str, command_id: str = "", expected_version: int | None = None) -> AddItemToCartRequest:
    asked = CommandContext(command_id=command_id, expected_version=expected_version)
    return AddItemToCartRequest(context=asked, user_id=user_id, item_id="i", quantity=1, price=eur(1999))


# promise 000-3, 000-5, 001-1, 001-8, 001-9, 001-12, 001-55, 002-3, 002-5, 002-8, 002-15, 003-14, 003-16, 003-19, card-3
async def test_a_thousand_orders_are_read_back_by_their_token_and_never_stale(asks: Commands, reads: Queries) -> None:
    async def place_and_read(caller: int) -> None:
        for number in range(125):
            order_id = f"ryw-{caller}-{number}"
            receipt = (await asks.orders.CreateOrder(order(order_id))).receipt
            answer = await reads.orders.GetOrder(GetOrderRequest(order_id=order_id, consistency=fresh(receipt)))
            assert (answer.order.order_id, answer.order.version, answer.metadata.stale) == (order_id, 1, False)
            assert answer.order.create_position == receipt.token.position <= answer.metadata.as_of.position

    await asyncio.gather(*(place_and_read(caller) for caller in range(8)))


# promise 003-14, 003-15
async def test_a_write_is_read_back_by_the_version_of_its_stream(asks: Commands, reads: Queries) -> None:
    for expected in range(1, 51):
        assert (await asks.carts.AddItemToCart(add("versioned"))).receipt.version == expected
        request = GetCartRequest(user_id="versioned", consistency=ReadConsistency(at_least_version=expected))
        answer = await reads.carts.GetCart(request)
        assert answer.cart.version >= expected
        assert answer.cart.total_items == answer.cart.version


async def test_a_list_by_token_begins_with_the_newest_order(asks: Commands, reads: Queries) -> None:
    for number in range(20):
        receipt = (await asks.orders.CreateOrder(order(f"newest-{number}"))).receipt
        page = await reads.orders.ListOrders(ListOrdersRequest(page_size=1, consistency=fresh(receipt)))
        assert page.orders[0].order_id == f"newest-{number}"


# promise 000-34, 001-52
async def test_a_command_id_used_at_once_in_two_processes_has_one_effect(system: System) -> None:
    processes = [child.pid for child in psutil.Process(system.pid("command_service")).children()]
    connections: list[Commands] = []
    async with asyncio.timeout(20):
        async with AsyncExitStack() as stack:
            while not (len(connections) >= 8 and all(served(pid, system) for pid in processes)):
                connections.append(await stack.enter_async_context(commands(system.command_address)))
                await connections[-1].carts.AddItemToCart(add("warm"))
            for number in range(50):
                request = order(f"twice-{number}", f"twice-{number}")
                answers = await asyncio.gather(*(clients.orders.CreateOrder(request) for clients in connections))
                receipts = [answer.receipt for answer in answers]
                assert sum(not receipt.replayed for receipt in receipts) == 1
                for receipt in receipts:
                    receipt.replayed = False
                assert all(receipt == receipts[0] for receipt in receipts)
                stream = connections[0].log.ReadStream(ReadStreamRequest(stream=f"shop.order-twice-{number}"))
                assert len([record async for record in stream]) == 1


def served(pid: int, system: System) -> bool:
    """Whether the process has a caller's connection."""
    port = int(system.command_address.rpartition(":")[2])
    connections = psutil.Process(pid).net_connections("tcp")
    return any(each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED for each in connections)


async def test_another_version_than_expected_is_aborted(asks: Commands) -> None:
    await asks.carts.AddItemToCart(add("expected", expected_version=0))
    code, reason, text = await refusal(asks.carts.AddItemToCart(add("expected", expected_version=0)))
    assert (code, reason) == (grpc.StatusCode.ABORTED, "VERSION_MISMATCH")
    assert text == "Expected version 0, got 1"
    assert (await asks.carts.AddItemToCart(add("expected", expected_version=1))).receipt.version == 2


# promise 000-34, 004-11
@pytest.mark.parametrize("connections", [1, 4])
async def test_sixty_four_callers_on_one_cart_lose_no_race(system: System, reads: Queries, connections: int) -> None:
    user = f"hot-{connections}"

    async def shop(clients: Commands) -> list[int]:
        return [(await clients.carts.AddItemToCart(add(user))).receipt.version for _ in range(10)]

    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(commands(system.command_address)) for _ in range(connections)]
        versions = await asyncio.gather(*(shop(channels[caller % connections]) for caller in range(64)))
    assert sorted(version for own in versions for version in own) == list(range(1, 641))
    consistency = ReadConsistency(at_least_version=640)
    cart = (await reads.carts.GetCart(GetCartRequest(user_id=user, consistency=consistency))).cart
    assert (cart.line_count, cart.total_items, cart.total_prices[0].minor_units) == (1, 640, 640 * 1999)


# promise 001-53, 002-5, 004-7
async def test_after_all_of_it_log_stream_and_views_agree(system: System, asks: Commands) -> None:
    await asks.carts.AddItemToCart(add("last"))
    assert not await faults(system)
