"""How fresh an answer is, how long it is waited for, and what happens when it does not become fresh."""

import asyncio
import time

import grpc
import pytest
from cqrs.common.v1.common_pb2 import ConsistencyToken, ReadConsistency
from cqrs.shop.v1.queries_pb2 import GetCartRequest, GetOrderRequest, ListOrdersRequest
from cqrs.shop.v1.queries_pb2_grpc import CartQueryServiceStub, OrderQueryServiceStub
from cqrs.shop.v1.views_pb2 import OrderView
from google.protobuf.duration_pb2 import Duration

from query_service.memory_read_store import MemoryReadStore
from tests.query.errors import reason, retry_seconds, violations
from tests.query.writers import EPOCH, OTHER_EPOCH, at

ORDERS = "shop.orders"


@pytest.fixture
def orders(channel: grpc.aio.Channel) -> OrderQueryServiceStub:
    return OrderQueryServiceStub(channel)


def put(store: MemoryReadStore, position: int, version: int = 1, **standing: object) -> None:
    view = OrderView(order_id="1", version=version).SerializeToString()
    store.apply(ORDERS, at(position, **standing), {"order:1": view}, {"orders": {"order:1": 1}})


def token(position: int, epoch: str = EPOCH) -> ConsistencyToken:
    return ConsistencyToken(epoch=epoch, position=position)


def wanted(max_wait: float = 30, allow_stale: bool = False, **at_least: object) -> GetOrderRequest:
    wait = Duration(seconds=int(max_wait), nanos=int(max_wait % 1 * 1e9))
    consistency = ReadConsistency(max_wait=wait, allow_stale=allow_stale, **at_least)  # type: ignore[arg-type]
    return GetOrderRequest(order_id="1", consistency=consistency)


async def refused(call: object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call  # type: ignore[misc]
    return error.value


# promise 003-14, 004-12
async def test_a_query_with_a_token_waits_until_the_views_are_there(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4)
    waiting = asyncio.ensure_future(orders.GetOrder(wanted(at_least_token=token(6))))
    await asyncio.wait((waiting,), timeout=0.05)
    assert not waiting.done()
    put(store, 5, version=2)
    put(store, 6, version=3)
    response = await asyncio.wait_for(waiting, 5)
    assert (response.order.version, response.metadata.as_of.position, response.metadata.stale) == (3, 6, False)


# promise 004-12
async def test_a_query_without_demand_is_answered_at_once_with_what_there_is(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4, head=400)
    response = await orders.GetOrder(GetOrderRequest(order_id="1"))
    assert (response.metadata.as_of.position, response.metadata.stale) == (4, False)


# promise 003-14
async def test_a_view_that_is_late_is_unavailable_and_says_when_to_ask_again(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4)
    began = time.monotonic()
    error = await refused(orders.GetOrder(wanted(max_wait=0.2, at_least_token=token(6))))
    assert 0.15 < time.monotonic() - began < 2
    assert (error.code(), reason(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "NOT_CAUGHT_UP")
    assert retry_seconds(error)


# promise 003-14
async def test_a_late_answer_is_given_marked_stale_where_the_caller_allows_it(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4)
    response = await orders.GetOrder(wanted(max_wait=0.05, allow_stale=True, at_least_token=token(6)))
    assert (response.metadata.stale, response.metadata.as_of.position, response.order.version) == (True, 4, 1)


# promise 003-14, 003-15
async def test_a_version_of_the_aggregate_is_waited_for_as_a_token_is(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4, version=1)
    assert (await orders.GetOrder(wanted(at_least_version=1))).order.version == 1
    waiting = asyncio.ensure_future(orders.GetOrder(wanted(at_least_version=2)))
    await asyncio.wait((waiting,), timeout=0.05)
    assert not waiting.done()
    put(store, 9, version=2)
    assert (await asyncio.wait_for(waiting, 5)).order.version == 2
    error = await refused(orders.GetOrder(wanted(max_wait=0.05, at_least_version=3)))
    assert reason(error)[0] == "NOT_CAUGHT_UP"


# promise 003-15
async def test_the_version_of_what_does_not_exist_is_0(store: MemoryReadStore, channel: grpc.aio.Channel) -> None:
    consistency = ReadConsistency(at_least_version=0)
    response = await CartQueryServiceStub(channel).GetCart(GetCartRequest(user_id="nobody", consistency=consistency))
    assert response.cart.version == 0


async def test_a_list_is_asked_with_a_token_and_refuses_a_version(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4)
    fresh = ReadConsistency(at_least_token=token(4))
    assert (await orders.ListOrders(ListOrdersRequest(consistency=fresh))).total_size == 1
    versioned = ListOrdersRequest(consistency=ReadConsistency(at_least_version=1))
    error = await refused(orders.ListOrders(versioned))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in violations(error)] == ["consistency.at_least_version"]


@pytest.mark.parametrize("position", [0, 3, 4, 5])
async def test_a_token_of_another_epoch_is_refused_and_never_served(
    store: MemoryReadStore, orders: OrderQueryServiceStub, position: int
) -> None:
    put(store, 4)
    error = await refused(orders.GetOrder(wanted(allow_stale=True, at_least_token=token(position, OTHER_EPOCH))))
    assert (error.code(), reason(error)[0]) == (grpc.StatusCode.FAILED_PRECONDITION, "EPOCH_MISMATCH")


async def test_a_token_of_the_new_epoch_waits_for_views_that_are_still_of_the_old_one(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 400, head_epoch=OTHER_EPOCH)
    waiting = asyncio.ensure_future(orders.GetOrder(wanted(at_least_token=token(3, OTHER_EPOCH))))
    await asyncio.wait((waiting,), timeout=0.05)
    assert not waiting.done()
    put(store, 3, epoch=OTHER_EPOCH, head_epoch=OTHER_EPOCH)
    assert (await asyncio.wait_for(waiting, 5)).metadata.as_of == token(3, OTHER_EPOCH)


async def test_views_that_are_being_rebuilt_are_unavailable_unless_the_caller_allows_stale_ones(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4, head=90, state="CATCHING_UP")
    for request in (GetOrderRequest(order_id="1"), wanted(max_wait=0.05, at_least_token=token(90))):
        error = await refused(orders.GetOrder(request))
        assert (error.code(), reason(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "REBUILDING")
        assert retry_seconds(error)
    assert (await orders.GetOrder(wanted(allow_stale=True))).metadata.stale
    assert not (await orders.GetOrder(wanted(at_least_token=token(4)))).metadata.stale


async def test_a_store_that_is_away_is_unavailable_and_says_when_to_ask_again(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    store.available = False
    error = await refused(orders.GetOrder(wanted(allow_stale=True, at_least_token=token(4))))
    assert (error.code(), reason(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert retry_seconds(error)


async def test_a_deadline_shorter_than_max_wait_bounds_the_waiting(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4)
    error = await refused(orders.GetOrder(wanted(max_wait=30, at_least_token=token(6)), timeout=0.4))
    assert reason(error)[0] == "NOT_CAUGHT_UP"


@pytest.mark.parametrize("max_wait", [-1, 30.5])
async def test_a_max_wait_out_of_range_is_refused(orders: OrderQueryServiceStub, max_wait: float) -> None:
    error = await refused(orders.GetOrder(wanted(max_wait=max_wait)))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in violations(error)] == ["consistency.max_wait"]


async def test_hundreds_of_waiting_queries_are_answered_by_one_notification(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put(store, 4)
    waiting = [asyncio.ensure_future(orders.GetOrder(wanted(at_least_token=token(6)))) for _ in range(900)]
    await asyncio.wait(waiting, timeout=0.3)
    put(store, 6)
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert {answer.metadata.as_of.position for answer in answers} == {6}
