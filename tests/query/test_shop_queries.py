"""What a shop's callers get from the query server."""

import time

import grpc
import pytest
from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.queries_pb2 import GetCartRequest, GetOrderRequest, ListCustomerOrdersRequest, ListOrdersRequest
from cqrs.shop.v1.queries_pb2_grpc import CartQueryServiceStub, OrderQueryServiceStub
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_PENDING
from cqrs.shop.v1.views_pb2 import CartItem, CartView, Customer, OrderView

from query_service.memory_read_store import MemoryReadStore
from tests.query.errors import reason, violations
from tests.query.writers import EPOCH, at


@pytest.fixture
def carts(channel: grpc.aio.Channel) -> CartQueryServiceStub:
    return CartQueryServiceStub(channel)


@pytest.fixture
def orders(channel: grpc.aio.Channel) -> OrderQueryServiceStub:
    return OrderQueryServiceStub(channel)


def an_order(number: int, customer: str = "7") -> OrderView:
    return OrderView(
        order_id=str(number),
        customer=Customer(customer_id=customer),
        total_amount=Money(minor_units=number, currency_code="EUR"),
        status=ORDER_STATUS_PENDING,
        version=1,
    )


def put_orders(store: MemoryReadStore, *numbers: int) -> None:
    views = {f"order:{number}": an_order(number).SerializeToString() for number in numbers}
    scores = {key: int(key[6:]) for key in views}
    store.apply("shop.orders", at(max(numbers)), views, {"orders": scores, "customer:7": scores})


# promise 004-5, 004-6, 001-8
async def test_a_cart_is_answered_as_it_is_stored(store: MemoryReadStore, carts: CartQueryServiceStub) -> None:
    price = Money(minor_units=250, currency_code="EUR")
    items = [CartItem(item_id="item-456", quantity=2, price=price)]
    cart = CartView(user_id="user-123", items=items, line_count=1, total_items=2, total_prices=[price], version=1)
    store.apply("shop.carts", at(3), {"cart:user-123": cart.SerializeToString()})
    response = await carts.GetCart(GetCartRequest(user_id="user-123"))
    assert response.cart == cart


# promise 004-5
async def test_a_user_without_a_cart_has_an_empty_one(carts: CartQueryServiceStub) -> None:
    response = await carts.GetCart(GetCartRequest(user_id="nobody"))
    assert response.cart == CartView(user_id="nobody")
    assert response.metadata.as_of.position == 0
    assert not response.metadata.HasField("lag")


# promise 002-3, 002-8, 003-6, 003-7
async def test_an_order_is_answered_with_the_point_in_the_log_that_it_reflects(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put_orders(store, 1)
    response = await orders.GetOrder(GetOrderRequest(order_id="1"))
    assert response.order == an_order(1)
    assert (response.metadata.as_of.epoch, response.metadata.as_of.position) == (EPOCH, 1)
    assert response.metadata.HasField("lag")
    assert response.metadata.lag.ToNanoseconds() == 0
    assert not response.metadata.stale


# promise 002-25, 003-10
async def test_an_unknown_order_is_not_found(orders: OrderQueryServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await orders.GetOrder(GetOrderRequest(order_id="404"))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    assert refused.value.details() == "The order you requested does not exist."
    assert reason(refused.value) == ("ORDER_NOT_FOUND", "cqrs.shop.v1")


# promise 002-3, 002-25, 003-8
async def test_orders_are_listed_newest_first_with_the_size_of_the_whole_list(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put_orders(store, *range(1, 46))
    first = await orders.ListOrders(ListOrdersRequest())
    assert [int(order.order_id) for order in first.orders] == list(range(45, 25, -1))
    assert first.total_size == 45
    second = await orders.ListOrders(ListOrdersRequest(page_token=first.next_page_token, page_size=100, skip=5))
    assert [int(order.order_id) for order in second.orders] == list(range(20, 0, -1))
    assert (second.next_page_token, second.total_size) == ("", 45)


async def test_a_page_never_holds_more_than_a_hundred(store: MemoryReadStore, orders: OrderQueryServiceStub) -> None:
    put_orders(store, *range(1, 131))
    assert len((await orders.ListOrders(ListOrdersRequest(page_size=1000))).orders) == 100


# promise 003-6, 003-9
async def test_a_customer_s_orders_are_listed_of_one_status_where_asked(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put_orders(store, 1, 2, 3)
    store.apply("shop.orders", at(4), {}, {"customer_status:cancelled:7": {"order:2": 2}})
    every = await orders.ListCustomerOrders(ListCustomerOrdersRequest(customer_id="7"))
    assert [order.order_id for order in every.orders] == ["3", "2", "1"]
    cancelled = ListCustomerOrdersRequest(customer_id="7", status=ORDER_STATUS_CANCELLED)
    some = await orders.ListCustomerOrders(cancelled)
    assert ([order.order_id for order in some.orders], some.total_size) == (["2"], 1)
    assert (await orders.ListCustomerOrders(ListCustomerOrdersRequest(customer_id="8"))).total_size == 0


@pytest.mark.parametrize(
    ("request_", "field", "text"),
    [
        (ListOrdersRequest(page_size=-1), "page_size", "Page size cannot be negative"),
        (ListOrdersRequest(skip=-1), "skip", "Skip cannot be negative"),
    ],
)
async def test_a_page_of_negative_size_or_place_is_refused(
    orders: OrderQueryServiceStub, request_: ListOrdersRequest, field: str, text: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await orders.ListOrders(request_)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violations(refused.value) == [(field, text)]


@pytest.mark.parametrize("token", ["nonsense", "AAAA", "ä", "A" * 22, " "])
async def test_a_page_token_that_no_list_gave_is_refused(orders: OrderQueryServiceStub, token: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await orders.ListOrders(ListOrdersRequest(page_token=token))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason(refused.value) == ("PAGE_TOKEN_INVALID", "cqrs.common.v1")
    assert [field for field, _ in violations(refused.value)] == ["page_token"]


async def test_a_page_token_serves_only_the_list_that_gave_it(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put_orders(store, 1, 2, 3)
    token = (await orders.ListOrders(ListOrdersRequest(page_size=1))).next_page_token
    for customer, status in (("7", 0), ("7", ORDER_STATUS_PENDING), ("8", 0)):
        other = ListCustomerOrdersRequest(customer_id=customer, status=status, page_token=token)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await orders.ListCustomerOrders(other)
        assert reason(refused.value)[0] == "PAGE_TOKEN_INVALID"


# promise 004-9
async def test_each_query_leaves_a_line_with_the_question_the_view_and_what_was_returned(
    store: MemoryReadStore, orders: OrderQueryServiceStub, lines: list[dict[str, object]]
) -> None:
    put_orders(store, 1, 2)
    await orders.GetOrder(GetOrderRequest(order_id="2"))
    await orders.ListOrders(ListOrdersRequest())
    one, many = lines
    assert one["event"] == many["event"] == "query answered"
    assert {**one, "bytes": 0} == {
        "event": "query answered",
        "log_level": "info",
        "query": "GetOrder",
        "view": "shop.orders order:2",
        "found": True,
        "bytes": 0,
        "position": 2,
    }
    assert one["bytes"] == an_order(2).ByteSize()
    assert (many["query"], many["view"], many["views"]) == ("ListOrders", "shop.orders orders", 2)


async def test_a_lag_is_the_age_of_the_oldest_record_not_applied_and_absent_when_unknown(
    store: MemoryReadStore, orders: OrderQueryServiceStub
) -> None:
    put_orders(store, 1)
    store.apply("shop.orders", at(1, head=2, oldest_time=time.time() - 90))
    behind = (await orders.GetOrder(GetOrderRequest(order_id="1"))).metadata
    assert 90 <= behind.lag.ToMilliseconds() / 1000 < 95
    store.apply("shop.orders", at(1, head=2, beat=time.time() - 3, oldest_time=time.time() - 90))
    unknown = (await orders.GetOrder(GetOrderRequest(order_id="1"))).metadata
    assert not unknown.HasField("lag")
