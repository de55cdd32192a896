"""Stock, payments, an order's past and sales to read: what events make of them, one by one and in any history."""

import asyncio
from typing import Any

import pytest
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1 import stock_commands_pb2 as stock_commands
from cqrs.shop.v1.follow_up_commands_pb2 import UpdateAnalyticsRequest
from cqrs.shop.v1.payment_commands_pb2 import RefundPaymentRequest
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_SAGA,
    FULFILMENT_STEP_AUTHORIZE,
    NOTIFICATION_KIND_ORDER_CONFIRMED,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    PAYMENT_STATUS_AUTHORIZED,
    PAYMENT_STATUS_CAPTURED,
    PAYMENT_STATUS_DECLINED,
    PAYMENT_STATUS_REFUNDED,
    PAYMENT_STATUS_VOIDED,
    OrderItem,
)
from cqrs.shop.v1.views_pb2 import (
    DailySalesView,
    OrderHistoryEntry,
    PaymentView,
    ProductSalesView,
    Revenue,
    StockView,
)
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from projector.domains.shop.carts import CARTS
from projector.domains.shop.history import HISTORY
from projector.domains.shop.history_text import text_of
from projector.domains.shop.orders import ORDERS
from projector.domains.shop.payments import PAYMENTS
from projector.domains.shop.sales import SALES
from projector.domains.shop.stock import STOCK
from tests.closings import faults_in_fulfilment
from tests.shop.folding import Folded, at
from tests.shop.fulfilment_messages import cancel, level, line, method, place, placed, register
from tests.shop.history import differences, records_of
from tests.shop.messages import ORDER_ID, USER, added, created, eur, item
from tests.shop.world import World

SKU = "product-abc"
OF_ORDER: Any = {"order_id": ORDER_ID}
AUTHORIZED = events.PaymentAuthorized(**OF_ORDER, amount=eur(1999), payment=method(), provider_reference="p-1")
CAPTURED = events.PaymentCaptured(**OF_ORDER, amount=eur(1999), provider_reference="p-1")
DECLINED = events.PaymentDeclined(**OF_ORDER, amount=eur(1999), payment=method(), reason="The card was declined")


def registered(on_hand: int, reorder_point: int = 0, sku: str = SKU) -> events.StockItemRegistered:
    return events.StockItemRegistered(sku=sku, name="Apples", level=level(on_hand, reorder_point=reorder_point))


def allocated(quantity: int, on_hand: int, reserved: int, reorder_point: int = 0) -> events.StockAllocated:
    return events.StockAllocated(**OF_ORDER, sku=SKU, quantity=quantity, level=level(on_hand, reserved, reorder_point))


def test_a_stock_item_shows_how_much_there_is_and_when_it_changed() -> None:
    folded = Folded(STOCK).fold(registered(10, 3), allocated(4, 10, 4, 3))
    assert folded.views[f"stock:{SKU}"] == StockView(
        sku=SKU,
        name="Apples",
        level=level(10, 4, 3),
        version=2,
        create_time=at(101),
        update_time=at(102),
        create_position=101,
    )


def test_an_item_joins_and_leaves_the_list_of_low_stock_as_it_crosses_its_reorder_point() -> None:
    folded = Folded(STOCK).fold(registered(10, 3), registered(1, 5, "scarce"), registered(0, sku="never low"))
    assert folded.newest_first("low_stock") == ["stock:scarce"]
    low = allocated(7, 10, 7, 3)
    folded.fold(low, events.StockRunLow(sku=SKU, level=low.level))
    assert folded.newest_first("low_stock") == ["stock:scarce", f"stock:{SKU}"]
    assert folded.views[f"stock:{SKU}"].low
    folded.fold(events.StockReceived(sku=SKU, quantity=1, level=level(11, 7, 3)))
    assert folded.newest_first("low_stock") == ["stock:scarce"]
    folded.fold(events.ReorderPointSet(sku="scarce", level=level(1)))
    assert folded.newest_first("low_stock") == []


def test_an_event_of_a_stock_item_that_was_never_registered_is_an_error_that_names_it() -> None:
    with pytest.raises(LookupError, match="StockAllocated of stock:product-abc, which has no view"):
        Folded(STOCK).fold(allocated(1, 1, 1))


def test_a_payment_shows_what_was_held_collected_and_paid_back() -> None:
    part = events.PaymentRefunded(**OF_ORDER, amount=eur(500), refunded_amount=eur(500))
    folded = Folded(PAYMENTS).fold(AUTHORIZED, CAPTURED, part)
    expected = PaymentView(
        order_id=ORDER_ID,
        status=PAYMENT_STATUS_CAPTURED,
        amount=eur(1999),
        captured_amount=eur(1999),
        refunded_amount=eur(500),
        last_four="4242",
        provider_reference="p-1",
        version=3,
        create_time=at(101),
        update_time=at(103),
    )
    assert folded.views[f"payment:{ORDER_ID}"] == expected
    folded.fold(events.PaymentRefunded(**OF_ORDER, amount=eur(1499), refunded_amount=eur(1999), complete=True))
    shown = folded.views[f"payment:{ORDER_ID}"]
    assert (shown.status, shown.refunded_amount) == (PAYMENT_STATUS_REFUNDED, eur(1999))


def test_a_declined_payment_says_why_until_another_is_authorised() -> None:
    folded = Folded(PAYMENTS).fold(DECLINED)
    shown = folded.views[f"payment:{ORDER_ID}"]
    assert (shown.status, shown.decline_reason) == (PAYMENT_STATUS_DECLINED, "The card was declined")
    assert "token" not in {field.name for field in PaymentView.DESCRIPTOR.fields}
    shown = folded.fold(AUTHORIZED).views[f"payment:{ORDER_ID}"]
    assert (shown.status, shown.decline_reason) == (PAYMENT_STATUS_AUTHORIZED, "")


def test_a_declined_payment_that_is_called_off_with_its_order_is_still_shown_as_declined() -> None:
    """The fulfilment calls every payment off when it goes back; its customer must learn that it was declined."""
    called_off = events.PaymentVoided(**OF_ORDER)
    shown = Folded(PAYMENTS).fold(DECLINED, called_off).views[f"payment:{ORDER_ID}"]
    assert (shown.status, shown.decline_reason, shown.version) == (PAYMENT_STATUS_DECLINED, "The card was declined", 2)
    for happened in ((placed(), DECLINED, called_off), (DECLINED, called_off, placed())):
        order = Folded(ORDERS).fold(*happened).views[f"order:{ORDER_ID}"]
        assert order.payment_status == PAYMENT_STATUS_DECLINED


def test_a_payment_that_was_voided_before_anything_was_held_has_no_amount() -> None:
    shown = Folded(PAYMENTS).fold(events.PaymentVoided(**OF_ORDER)).views[f"payment:{ORDER_ID}"]
    assert shown.status == PAYMENT_STATUS_VOIDED
    assert not shown.HasField("amount")


def test_an_order_shows_how_far_its_payment_has_come_and_who_carries_it_on() -> None:
    folded = Folded(ORDERS).fold(placed(), AUTHORIZED)
    shown = folded.views[f"order:{ORDER_ID}"]
    assert (shown.payment_status, shown.fulfilment) == (PAYMENT_STATUS_AUTHORIZED, FULFILMENT_SAGA)
    assert (shown.version, shown.update_time) == (1, at(102))
    assert folded.views.keys() == {f"order:{ORDER_ID}"}


def test_a_payment_before_its_order_is_kept_for_it() -> None:
    folded = Folded(ORDERS).fold(events.PaymentVoided(**OF_ORDER))
    assert f"order:{ORDER_ID}" not in folded.views
    folded.fold(placed())
    assert folded.views[f"order:{ORDER_ID}"].payment_status == PAYMENT_STATUS_VOIDED
    assert folded.views.keys() == {f"order:{ORDER_ID}"}


def test_a_cart_is_empty_once_it_is_checked_out() -> None:
    folded = Folded(CARTS).fold(added(), events.CartCheckedOut(user_id=USER, order_id=ORDER_ID), added("pear", 1, 5))
    cart = folded.views[f"cart:{USER}"]
    assert ([each.item_id for each in cart.items], cart.total_items, cart.version) == (["pear"], 1, 3)


def test_everything_that_happens_to_an_order_is_an_entry_with_its_time_but_for_moves_of_single_items() -> None:
    reserved = events.StockReserved(**OF_ORDER, lines=[line(SKU, 1)])
    folded = Folded(HISTORY).fold(created(), reserved, AUTHORIZED)
    assert folded.newest_first(f"order:{ORDER_ID}") == [f"entry:{ORDER_ID}:{position}" for position in (103, 102, 101)]
    assert folded.views[f"entry:{ORDER_ID}:103"] == OrderHistoryEntry(
        order_id=ORDER_ID,
        position=103,
        time=at(103),
        type="cqrs.shop.v1.PaymentAuthorized",
        stream=f"shop.payment-{ORDER_ID}",
        version=1,
        amount=eur(1999),
    )
    assert events.StockAllocated not in HISTORY.handles


def test_an_entry_of_an_order_of_a_thousand_lines_is_as_small_as_any_other() -> None:
    many = [item(f"product-{number}") for number in range(1000)]
    lines = [line(f"product-{number}") for number in range(1000)]
    folded = Folded(HISTORY).fold(created(*many), events.StockReserved(**OF_ORDER, lines=lines))
    assert [view.text for view in folded.views.values()] == ["1000 lines", "1000 stock items"]
    assert max(view.ByteSize() for view in folded.views.values()) < 200


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (created(), "1 line"),
        (events.OrderItemAdded(item=item("pear", 3)), "3 of pear"),
        (events.OrderItemQuantityChanged(product_id="pear", quantity=2), "2 of pear"),
        (events.OrderItemRemoved(product_id="pear"), "pear"),
        (
            events.OrderStatusChanged(previous_status=ORDER_STATUS_PENDING, status=ORDER_STATUS_PROCESSING),
            "pending to processing",
        ),
        (events.OrderShipped(tracking_number="T-1"), "tracking number T-1"),
        (events.OrderCancelled(reason="late"), "late"),
        (DECLINED, "The card was declined"),
        (events.StockReservationRejected(reason="none left"), "none left"),
        (events.StockReservationCommitted(lines=[line()]), "1 stock item"),
        (
            events.NotificationSent(kind=NOTIFICATION_KIND_ORDER_CONFIRMED, recipient="ada@example.org"),
            "order confirmed",
        ),
        (events.AnalyticsUpdated(), "counted"),
        (events.AnalyticsUpdated(retracted=True), "taken off again"),
        (events.FulfilmentStepTaken(step=FULFILMENT_STEP_AUTHORIZE), "authorize"),
        (events.FulfilmentTurnedBack(step=FULFILMENT_STEP_AUTHORIZE, reason="declined"), "authorize: declined"),
        (events.FulfilmentEnded(), "fulfilled"),
        (events.FulfilmentEnded(cancelled=True), "cancelled"),
        (events.ShippingAddressChanged(), ""),
    ],
)
def test_an_entry_says_in_a_few_words_what_happened(event: Message, text: str) -> None:
    assert text_of(event) == text


def counted(*items: OrderItem, order_id: str = ORDER_ID, seconds: int = 0, retracted: bool = False) -> Message:
    total = sum(each.quantity * each.price.minor_units for each in items)
    return events.AnalyticsUpdated(
        order_id=order_id,
        items=items,
        order_time=Timestamp(seconds=seconds),
        total_amount=eur(total, items[0].price.currency_code),
        retracted=retracted,
    )


# promise 000-40
def test_an_order_counts_on_the_day_of_its_order_time_and_for_its_products() -> None:
    folded = Folded(SALES).fold(
        counted(item("a", 2, 500), item("a", 1, 400), item("b", 1, 0)),
        counted(item("a", 1, 500), order_id="order-2", seconds=86_399),
        counted(item("a", 1, 700, "USD"), order_id="order-3", seconds=86_400),
    )
    assert folded.views["day:1970-01-01"] == DailySalesView(
        day="1970-01-01", order_count=2, item_count=5, revenue=[Revenue(minor_units="1900", currency_code="EUR")]
    )
    assert folded.views["day:1970-01-02"].revenue == [Revenue(minor_units="700", currency_code="USD")]
    assert folded.views["product:EUR:a"] == ProductSalesView(
        product_id="a", currency_code="EUR", product_name="The a", order_count=2, quantity=4, revenue="1900"
    )
    assert folded.newest_first("days") == ["day:1970-01-02", "day:1970-01-01"]
    assert folded.lists["products:revenue:EUR"] == {"product:EUR:a": 1900, "product:EUR:b": 0}
    assert folded.lists["products:quantity:EUR"] == {"product:EUR:a": 4, "product:EUR:b": 1}


def test_an_order_that_is_cancelled_leaves_no_trace_in_the_figures() -> None:
    folded = Folded(SALES).fold(counted(item("a")), counted(item("b"), order_id="order-2"))
    folded.fold(counted(item("a"), retracted=True))
    assert folded.views.keys() == {"day:1970-01-01", "product:EUR:b"}
    folded.fold(counted(item("b"), order_id="order-2", retracted=True))
    assert not folded.views
    assert not any(folded.lists.values())


def test_sums_larger_than_64_bits_are_exact() -> None:
    largest = 2**63 - 1
    folded = Folded(SALES).fold(*(counted(item("a", 1, largest), order_id=f"order-{n}") for n in range(3)))
    assert folded.views["day:1970-01-01"].revenue[0].minor_units == str(3 * largest)
    assert folded.views["product:EUR:a"].revenue == str(3 * largest)


@pytest.mark.parametrize("seconds", [-62_135_596_800, 253_402_300_799])
def test_every_day_that_an_order_may_have_can_be_counted(seconds: int) -> None:
    assert len(Folded(SALES).fold(counted(item("a"), seconds=seconds)).views) == 2


TOKENS = st.sampled_from(["tok_ok", "tok_declined", "tok_timeout", "tok_flaky"])
ITEMS = st.lists(
    st.builds(item, st.sampled_from("ab"), st.integers(1, 4), st.sampled_from([0, 500]), st.sampled_from(["EUR"])),
    min_size=1,
    max_size=3,
)
ORDERS_OF_A_DAY = st.lists(st.tuples(ITEMS, TOKENS, st.integers(0, 3), st.booleans()), min_size=1, max_size=4)


async def a_day(variant: Any, orders: list[tuple[list[OrderItem], str, int, bool]]) -> World:
    """Orders that are placed one after the other, of which some are cancelled, and stock that may run out."""
    world = await World(variant).only(register("a", 9, 4), register("b", 6, 2))
    for number, (items, token, days, is_cancelled) in enumerate(orders):
        about: dict[str, Any] = {"order_id": f"order-{number}"}
        await world.only(place(*items, token=token, **about, order_time=Timestamp(seconds=86_400 * days)))
        await world.wait()
        if is_cancelled:
            called_off = cancel()
            called_off.order_id = about["order_id"]
            await world.only(called_off)
        await world.only(UpdateAnalyticsRequest(**about), stock_commands.ReceiveStockRequest(sku="b", quantity=1))
    await world.only(RefundPaymentRequest(order_id="order-0"))
    return await world.wait()


# promise 002-8
@pytest.mark.parametrize("variant", ["saga", "plain"])
@settings(max_examples=40, deadline=None)
@given(orders=ORDERS_OF_A_DAY)
def test_views_and_lists_of_a_day_are_what_a_plain_fold_makes_of_it(
    variant: Any, orders: list[tuple[list[OrderItem], str, int, bool]]
) -> None:
    world = asyncio.run(a_day(variant, orders))
    assert differences(world.events) == []
    records = records_of(world.events)
    assert not [*faults_in_fulfilment((number, each.SerializeToString()) for number, each in enumerate(records, 1))]
