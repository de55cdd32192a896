"""A consumer that knows the contracts and NATS, and nothing else of this project: it reads the stream and folds it."""

import asyncio

import nats
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.commands_pb2 import (
    AddItemToCartRequest,
    CancelOrderRequest,
    CreateOrderRequest,
    RemoveOrderItemRequest,
)
from cqrs.shop.v1.queries_pb2 import GetCartRequest, GetOrderRequest, ListOrdersRequest
from cqrs.shop.v1.types_pb2 import OrderItem
from nats.js.api import ConsumerConfig, DeliverPolicy

from ops.supervisor import System
from tests.checker import read_log, read_stream
from tests.plain import plain, without_empty
from tests.plain_fold import fold
from tests.running import Commands, Queries, eur, fresh, settled


async def busy(asks: Commands, name: str) -> None:
    """Orders and a cart, changed."""
    items = [OrderItem(product_id=product, quantity=2, price=eur(250)) for product in ("a", "b")]
    for number in range(10):
        order_id = f"{name}-{number}"
        await asks.orders.CreateOrder(CreateOrderRequest(order_id=order_id, customer_id=name, items=items))
        await asks.orders.RemoveOrderItem(RemoveOrderItemRequest(order_id=order_id, product_id="a"))
        await asks.carts.AddItemToCart(AddItemToCartRequest(user_id=name, item_id="a", quantity=3, price=eur(number)))
    await asks.orders.CancelOrder(CancelOrderRequest(order_id=f"{name}-0", reason="no need"))


# promise 002-9, 004-7, card-3, card-4
async def test_a_fold_of_the_stream_alone_agrees_with_what_queries_answer(
    system: System, asks: Commands, reads: Queries
) -> None:
    await busy(asks, "consumer")
    await settled(system)
    folded = fold((message.position, message.record) for message in await read_stream(system.nats.url))
    for view in (v for key, v in folded.orders.items() if key.startswith("order:consumer-")):
        answer = await reads.orders.GetOrder(GetOrderRequest(order_id=view["order_id"]))
        assert plain(answer.order) == without_empty(view)
    cart = await reads.carts.GetCart(GetCartRequest(user_id="consumer"))
    assert plain(cart.cart) == without_empty(folded.carts["cart:consumer"])
    newest = sorted(folded.indexes["orders"].items(), key=lambda entry: -entry[1])
    listed: list[str] = []
    request, more = ListOrdersRequest(page_size=100), True
    while more:
        page = await reads.orders.ListOrders(request)
        listed += [f"order:{order.order_id}" for order in page.orders]
        request.page_token = page.next_page_token
        more = bool(page.next_page_token)
    assert listed == [key for key, _ in newest]
    assert page.total_size == len(newest)


# promise 003-16, 004-4
async def test_the_stream_has_the_log_s_bytes_at_its_positions_and_a_trace(system: System, asks: Commands) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    request = AddItemToCartRequest(user_id="traced", item_id="a", quantity=1, price=eur(1))
    position = (await asks.carts.AddItemToCart(request, metadata=(("traceparent", trace),))).receipt.token.position
    await settled(system)
    assert await read_stream(system.nats.url) == await read_log(system.command_address)
    connection = await nats.connect(system.nats.url)
    message = await connection.jetstream().get_msg("LOG", position)
    await connection.close()
    assert message.headers is not None
    assert (message.headers["traceparent"], message.subject) == (trace, "log.shop.cart.ItemAddedToCart")
    assert Record.FromString(message.data or b"").traceparent == trace


# promise 004-4, 001-9
async def test_a_live_consumer_sees_each_event_once_after_it_was_answered(system: System, asks: Commands) -> None:
    connection = await nats.connect(system.nats.url)
    config = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)
    seen = await connection.jetstream().subscribe(
        "log.shop.order.*", stream="LOG", ordered_consumer=True, config=config
    )
    await busy(asks, "live")
    async with asyncio.timeout(10):
        records = [Record.FromString((await seen.next_msg(5)).data) for _ in range(21)]
    await connection.close()
    names = [record.type.rpartition(".")[2] for record in records]
    assert names == ["OrderCreated", "OrderItemRemoved"] * 10 + ["OrderCancelled"]


# promise 002-15, 004-12
async def test_an_eventual_read_may_be_older_and_says_how_old_and_then_it_is_there(
    asks: Commands, reads: Queries
) -> None:
    request = AddItemToCartRequest(user_id="eventual", item_id="a", quantity=1, price=eur(1))
    receipt = (await asks.carts.AddItemToCart(request)).receipt
    at_once = await reads.carts.GetCart(GetCartRequest(user_id="eventual"))
    assert at_once.cart.version in (0, 1)
    assert (at_once.cart.version == 1) == (at_once.metadata.as_of.position >= receipt.token.position)
    later = await reads.carts.GetCart(GetCartRequest(user_id="eventual", consistency=fresh(receipt)))
    assert later.cart.version == 1
    assert later.metadata.as_of.position >= receipt.token.position
