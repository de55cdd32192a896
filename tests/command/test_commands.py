"""The write path over a real channel, on the memory log: what a receipt, a retry, a race and a refusal come to."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from cqrs.common.v1.common_pb2 import COMMAND_STATE_SUCCEEDED, CommandContext
from cqrs.log.v1.log_service_pb2 import GetHeadRequest, ReadLogRequest, ReadStreamRequest
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.commands_pb2 import (
    AddItemToCartRequest,
    CancelOrderRequest,
    ClearCartRequest,
    CreateOrderRequest,
    UpdateOrderStatusRequest,
)
from cqrs.shop.v1.events_pb2 import ItemAddedToCart
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_PROCESSING, OrderItem

from command_service.event_log import Appended, Entry, LogUnavailable
from command_service.immutable import immutable
from command_service.memory_event_log import MemoryEventLog
from runtime.record import genesis, link
from tests.command.serving import Clients, command_server, eur, refusal


@pytest.fixture
def log() -> MemoryEventLog:
    return MemoryEventLog()


@pytest.fixture
async def clients(log: MemoryEventLog) -> AsyncIterator[Clients]:
    async with command_server(log) as clients:
        yield clients


def add(command_id: str = "", quantity: int = 1, **context: int | bool) -> AddItemToCartRequest:
    asked = CommandContext(command_id=command_id, **context)
    return AddItemToCartRequest(context=asked, user_id="user-123", item_id="a", quantity=quantity, price=eur(1999))


def create(order_id: str = "", command_id: str = "") -> CreateOrderRequest:
    item = OrderItem(product_id="p", quantity=1, price=eur(100))
    return CreateOrderRequest(
        context=CommandContext(command_id=command_id), order_id=order_id, customer_id="c", items=[item]
    )


# promise 000-1
def test_assigning_a_field_of_a_command_raises() -> None:
    request = add()
    seen = immutable(request)
    with pytest.raises(TypeError, match=r"AddItemToCartRequest\.quantity: a command cannot be changed"):
        seen.quantity = 5
    with pytest.raises(TypeError, match="cannot be changed"):
        seen.ClearField("quantity")
    assert isinstance(seen, AddItemToCartRequest)
    assert (seen.quantity, seen.price) == (1, eur(1999))


# promise 000-3, 001-2, 001-32, 003-1, 004-2
async def test_a_receipt_says_where_the_effect_stands_and_nothing_of_the_view(clients: Clients) -> None:
    answer = await clients.carts.AddItemToCart(add("c-1"))
    receipt = answer.receipt
    assert [field.name for field, _ in answer.ListFields()] == ["receipt"]
    assert (receipt.command_id, receipt.state, receipt.aggregate_id, receipt.version) == (
        "c-1", COMMAND_STATE_SUCCEEDED, "user-123", 1,
    )  # fmt: skip
    assert (receipt.token.position, receipt.correlation_id, receipt.replayed) == (1, "c-1", False)
    generated = (await clients.carts.AddItemToCart(add())).receipt
    assert len(generated.command_id) == 36
    assert generated.version == 2


# promise 000-34, 001-52
async def test_the_same_command_id_twice_has_one_effect_and_one_receipt(clients: Clients, log: MemoryEventLog) -> None:
    first = (await clients.carts.AddItemToCart(add("same"))).receipt
    await clients.carts.AddItemToCart(add("other"))
    again = (await clients.carts.AddItemToCart(add("same"))).receipt
    assert again.replayed
    again.replayed = False
    assert again == first
    assert (await log.head()).position == 2


# promise 001-52
async def test_the_same_command_id_at_the_same_time_has_one_effect(clients: Clients, log: MemoryEventLog) -> None:
    answers = await asyncio.gather(*(clients.orders.CreateOrder(create(command_id="once")) for _ in range(20)))
    assert sum(not answer.receipt.replayed for answer in answers) == 1
    assert len({answer.receipt.aggregate_id for answer in answers}) == 1
    assert (await log.head()).position == 1


async def test_a_command_id_used_for_another_request_is_refused(clients: Clients) -> None:
    await clients.carts.AddItemToCart(add("mine"))
    assert await refusal(clients.carts.AddItemToCart(add("mine", quantity=2))) == (
        grpc.StatusCode.ALREADY_EXISTS, "COMMAND_ID_REUSED", "Command id mine was used for another request",
    )  # fmt: skip
    code, _, _ = await refusal(
        clients.carts.ClearCart(ClearCartRequest(context=CommandContext(command_id="mine"), user_id="user-123"))
    )
    assert code == grpc.StatusCode.ALREADY_EXISTS


async def test_a_retry_is_not_refused_for_what_its_first_attempt_has_done(clients: Clients) -> None:
    first = await clients.orders.CreateOrder(create("order-1", "place"))
    again = await clients.orders.CreateOrder(create("order-1", "place"))
    assert again.receipt.replayed
    assert again.receipt.token == first.receipt.token
    code, reason, _ = await refusal(clients.orders.CreateOrder(create("order-1", "another")))
    assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "ORDER_ALREADY_EXISTS")


async def test_another_version_than_expected_is_aborted_and_nothing_happens(
    clients: Clients, log: MemoryEventLog
) -> None:
    await clients.carts.AddItemToCart(add(expected_version=0))
    assert await refusal(clients.carts.AddItemToCart(add(expected_version=0))) == (
        grpc.StatusCode.ABORTED, "VERSION_MISMATCH", "Expected version 0, got 1",
    )  # fmt: skip
    assert (await log.head()).position == 1
    await clients.carts.AddItemToCart(add(expected_version=1))


async def test_validate_only_decides_and_changes_nothing(clients: Clients, log: MemoryEventLog) -> None:
    answer = await clients.carts.AddItemToCart(add("try", validate_only=True))
    assert answer.receipt.version == 1
    assert (await log.head()).position == 0
    real = await clients.carts.AddItemToCart(add("try"))
    assert not real.receipt.replayed


# promise 004-17
async def test_a_quiet_command_succeeds_and_appends_nothing(clients: Clients, log: MemoryEventLog) -> None:
    request = ClearCartRequest(context=CommandContext(command_id="quiet"), user_id="nobody")
    assert (await clients.carts.ClearCart(request)).receipt.version == 0
    assert (await clients.carts.ClearCart(request)).receipt.replayed
    assert (await log.head()).position == 0


async def test_sixty_four_callers_on_one_cart_lose_no_race(clients: Clients, log: MemoryEventLog) -> None:
    answers = await asyncio.gather(*(clients.carts.AddItemToCart(add()) for _ in range(640)))
    assert sorted(answer.receipt.version for answer in answers) == list(range(1, 641))
    records = await log.read_stream("shop.cart-user-123")
    assert sum(ItemAddedToCart.FromString(Record.FromString(r.record).data).quantity for r in records) == 640


async def test_two_servers_on_one_cart_decide_again_and_lose_nothing(log: MemoryEventLog) -> None:
    async with command_server(log) as one, command_server(log) as other:
        calls = [server.carts.AddItemToCart(add()) for _ in range(50) for server in (one, other)]
        assert len(await asyncio.gather(*calls)) == 100
    assert (await log.head()).position == 100


async def test_a_refusal_from_a_stale_cache_is_decided_again_before_it_is_answered(log: MemoryEventLog) -> None:
    async with command_server(log) as one, command_server(log) as other:
        await one.orders.CreateOrder(create("order-1"))
        cancel = CancelOrderRequest(order_id="order-1", reason="no")
        assert (await other.orders.CancelOrder(cancel)).receipt.version == 2
        processing = UpdateOrderStatusRequest(order_id="order-1", status=ORDER_STATUS_PROCESSING)
        code, _, text = await refusal(one.orders.UpdateOrderStatus(processing))
        assert code == grpc.StatusCode.FAILED_PRECONDITION
        assert text == "Is not possible to change the order status from cancelled to processing."


async def test_a_cache_of_one_stream_answers_the_same(log: MemoryEventLog) -> None:
    async with command_server(log, most_streams=1) as clients:
        for number in range(5):
            await clients.orders.CreateOrder(create(f"order-{number}"))
        for number in range(5):
            code, reason, _ = await refusal(clients.orders.CreateOrder(create(f"order-{number}")))
            assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "ORDER_ALREADY_EXISTS")


class AwayLog(MemoryEventLog):
    """A log whose store went away: what was sent may or may not have been taken."""

    away = True

    def append(self, entry: Entry) -> asyncio.Future[Appended]:
        if not self.away:
            return super().append(entry)
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        future.set_exception(LogUnavailable("away"))
        return future


async def test_a_log_that_is_away_is_unavailable_and_the_same_command_id_tells_the_outcome() -> None:
    log = AwayLog()
    async with command_server(log) as clients:
        code, reason, text = await refusal(clients.carts.AddItemToCart(add("again")))
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert "call again with the command id again" in text
        log.away = False
        assert (await clients.carts.AddItemToCart(add("again"))).receipt.version == 1


# promise 001-60, 004-1, 004-3
async def test_a_record_carries_who_caused_it_and_its_own_time(clients: Clients, log: MemoryEventLog) -> None:
    request = add("cause")
    request.context.correlation_id = "journey"
    request.context.command_time.FromJsonString("2024-01-01T10:30:00Z")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await clients.carts.AddItemToCart(request, metadata=(("traceparent", trace),))
    record = Record.FromString((await log.read_stream("shop.cart-user-123"))[0].record)
    assert (record.causation_id, record.correlation_id, record.traceparent) == ("cause", "journey", trace)
    assert record.command_time == request.context.command_time
    assert record.time.seconds > record.command_time.seconds
    assert (record.type, record.stream, record.version) == ("cqrs.shop.v1.ItemAddedToCart", "shop.cart-user-123", 1)


async def test_the_log_service_reads_from_a_position_filters_and_goes_on_live(clients: Clients) -> None:
    for number in range(3):
        await clients.carts.AddItemToCart(add(quantity=number + 1))
        await clients.orders.CreateOrder(create(f"order-{number}"))
    head = await clients.log.GetHead(GetHeadRequest())
    assert head.token.position == 6
    chain = genesis(head.token.epoch)
    async for read in clients.log.ReadLog(ReadLogRequest(stop_at_head=True)):
        chain = link(chain, read.position, read.record)
        assert read.chain == chain
    assert chain == head.chain
    wanted = ReadLogRequest(after_position=2, streams=["shop.order"], types=["cqrs.shop.v1.OrderCreated"])
    live = clients.log.ReadLog(wanted)
    assert [(await live.read()).position for _ in range(2)] == [4, 6]
    await clients.orders.CreateOrder(create("order-9"))
    assert (await live.read()).position == 7
    live.cancel()
    stream = [read async for read in clients.log.ReadStream(ReadStreamRequest(stream="shop.order-order-9"))]
    assert [read.position for read in stream] == [7]
    assert [read async for read in clients.log.ReadStream(ReadStreamRequest(stream="shop.order-none"))] == []
