"""What a refused caller gets, over real servers: one status, each detail once; and what a cancelled call has done."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from cqrs.common.v1.common_pb2 import CommandReceipt, ReadConsistency
from cqrs.shop.v1 import commands_pb2 as shop
from cqrs.shop.v1 import queries_pb2 as ask
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_COMPLETED, OrderItem, OrderStatus
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ops.supervisor import System
from tests.checker import faults_in_answers, faults_in_log, read_log
from tests.running import Commands, Queries, eur

Refused = Callable[[Commands, Queries], Any]
ITEM = OrderItem(product_id="p", quantity=1, price=eur(100))
OTHER_EPOCH = "0192d3a0-0000-7000-8000-00000000dead"


def create(command_id: str = "", **fields: Any) -> shop.CreateOrderRequest:
    request = shop.CreateOrderRequest(**{"order_id": "refused", "customer_id": "c", "items": [ITEM], **fields})
    request.context.command_id = command_id
    return request


def expecting(version: int) -> shop.CancelOrderRequest:
    request = shop.CancelOrderRequest(order_id="refused", reason="r")
    request.context.expected_version = version
    return request


def demanding(**at_least: Any) -> ask.GetOrderRequest:
    request = ask.GetOrderRequest(order_id="refused", consistency=ReadConsistency(**at_least))
    request.consistency.max_wait.FromMilliseconds(50)
    return request


def status_to(status: OrderStatus.ValueType) -> shop.UpdateOrderStatusRequest:
    return shop.UpdateOrderStatusRequest(order_id="refused", status=status)


PLATFORM, SHOP = "cqrs.common.v1", "cqrs.shop.v1"
CODE = grpc.StatusCode
TABLE: dict[str, tuple[Refused, grpc.StatusCode, str, str, set[type]]] = {
    "shape": (lambda c, q: c.orders.CreateOrder(create(items=[])), CODE.INVALID_ARGUMENT, "INVALID_REQUEST", PLATFORM,
              {BadRequest}),
    "sum": (lambda c, q: c.orders.CreateOrder(create(order_id="sum", total_amount=eur(1))), CODE.INVALID_ARGUMENT,
            "TOTAL_MISMATCH", SHOP, {BadRequest}),
    "version": (lambda c, q: c.orders.CancelOrder(expecting(7)), CODE.ABORTED, "VERSION_MISMATCH", PLATFORM, set()),
    "state": (lambda c, q: c.orders.UpdateOrderStatus(status_to(ORDER_STATUS_COMPLETED)), CODE.FAILED_PRECONDITION,
              "STATUS_NOT_REACHABLE", SHOP, set()),
    "unknown, command": (lambda c, q: c.orders.CompleteOrder(shop.CompleteOrderRequest(order_id="none")),
                         CODE.NOT_FOUND, "ORDER_NOT_FOUND", SHOP, set()),
    "unknown, query": (lambda c, q: q.orders.GetOrder(ask.GetOrderRequest(order_id="none")), CODE.NOT_FOUND,
                       "ORDER_NOT_FOUND", SHOP, set()),
    "taken": (lambda c, q: c.orders.CreateOrder(create()), CODE.ALREADY_EXISTS, "ORDER_ALREADY_EXISTS", SHOP, set()),
    "command id": (lambda c, q: c.orders.CreateOrder(create("refused-1", order_id="else")), CODE.ALREADY_EXISTS,
                   "COMMAND_ID_REUSED", PLATFORM, set()),
    "not caught up": (lambda c, q: q.orders.GetOrder(demanding(at_least_version=99)), CODE.UNAVAILABLE,
                      "NOT_CAUGHT_UP", PLATFORM, {RetryInfo}),
    "epoch": (lambda c, q: q.orders.GetOrder(demanding(at_least_token={"epoch": OTHER_EPOCH, "position": 1})),
              CODE.FAILED_PRECONDITION, "EPOCH_MISMATCH", PLATFORM, set()),
    "page size": (lambda c, q: q.orders.ListOrders(ask.ListOrdersRequest(page_size=-1)), CODE.INVALID_ARGUMENT,
                  "INVALID_REQUEST", PLATFORM, {BadRequest}),
    "page token": (lambda c, q: q.orders.ListOrders(ask.ListOrdersRequest(page_token="mine")), CODE.INVALID_ARGUMENT,
                   "PAGE_TOKEN_INVALID", PLATFORM, set()),
}  # fmt: skip


@pytest.fixture
async def created(asks: Commands) -> None:
    await asks.orders.CreateOrder(create("refused-1"))


# promise 003-17, 002-25
@pytest.mark.parametrize("name", TABLE)
async def test_each_refusal_has_its_code_its_reason_and_its_details_once(
    created: None, asks: Commands, reads: Queries, name: str
) -> None:
    call, code, reason, domain, more = TABLE[name]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(asks, reads)
    trailing = dict(caught.value.trailing_metadata() or ())
    status = Status.FromString(bytes(trailing["grpc-status-details-bin"]))
    assert caught.value.code() == code, caught.value
    assert (status.code, status.message) == (code.value[0], caught.value.details())
    kinds = [detail.type_url.rpartition(".")[2] for detail in status.details]
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == (reason, domain)
    assert len(set(kinds)) == len(kinds)
    assert {kind.__name__ for kind in more} <= set(kinds)
    assert status.ByteSize() < 8 * 1024
    assert len(str(trailing["obverse-message-id"])) == 36


async def test_a_refused_command_leaves_nothing_in_the_log(
    created: None, system: System, asks: Commands, reads: Queries
) -> None:
    request = create("refused-again")
    for _ in range(3):
        with pytest.raises(grpc.aio.AioRpcError):
            await asks.orders.CreateOrder(request)
    assert not [*faults_in_answers(await read_log(system.command_address), {}, refused=["refused-again"])]


# promise 000-34, 001-52
async def test_a_cancelled_call_has_one_effect_or_none_and_its_command_id_tells(system: System, asks: Commands) -> None:
    chance = random.Random(9)
    acked: dict[str, CommandReceipt] = {}

    async def impatient(number: int) -> None:
        request = shop.AddItemToCartRequest(user_id=f"impatient-{number % 5}", item_id="i", quantity=1, price=eur(1))
        request.context.command_id = f"impatient-{number}"
        call = asks.carts.AddItemToCart(request, timeout=chance.choice((0.001, 0.003, 0.006, 5)))
        if chance.random() < 0.5:
            asyncio.get_running_loop().call_later(chance.random() * 0.01, call.cancel)
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
            await call
        if number % 2:
            acked[request.context.command_id] = (await asks.carts.AddItemToCart(request)).receipt

    for first in range(0, 400, 40):
        await asyncio.gather(*(impatient(number) for number in range(first, first + 40)))
    log = await read_log(system.command_address)
    unknown = [f"impatient-{number}" for number in range(0, 400, 2)]
    assert not [*faults_in_log(log), *faults_in_answers(log, acked, unknown)]
