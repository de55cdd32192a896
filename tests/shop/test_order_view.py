"""What the events of an order make of its view and of the lists that it stands in."""

from typing import Any

import pytest
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    Address,
)
from cqrs.shop.v1.views_pb2 import Customer, OrderView
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from command_service.domains.shop.order_events import ORDER
from projector.domains.shop.orders import ORDERS
from runtime.refusals import Refused
from tests.shop.commands_strategy import ORDER_COMMANDS
from tests.shop.folding import Folded, at
from tests.shop.given import decided
from tests.shop.messages import ORDER_ID, create, created, eur, item

A, B = item("a", 2, 500), item("b", 1, 1999)
WHEN = Timestamp(seconds=1_291_191_960)
PROCESSING = events.OrderStatusChanged(
    order_id=ORDER_ID, previous_status=ORDER_STATUS_PENDING, status=ORDER_STATUS_PROCESSING
)
SHIPPED = events.OrderShipped(order_id=ORDER_ID, tracking_number="T-1")
COMPLETED = events.OrderCompleted(order_id=ORDER_ID)
CANCELLED = events.OrderCancelled(order_id=ORDER_ID, reason="late")


def view(*happened: Message) -> OrderView:
    found = Folded(ORDERS).fold(*happened).views[f"order:{ORDER_ID}"]
    assert isinstance(found, OrderView)
    return found


# promise 002-4, 002-8, 003-7, 001-3
def test_a_new_order_is_pending_created_and_never_updated() -> None:
    who = {"customer_name": "Ada", "customer_email": "ada@example.org", "shipping_address": Address(city="Cork")}
    assert view(created(A, B, order_time=WHEN, **who)) == OrderView(
        order_id=ORDER_ID,
        customer=Customer(customer_id="user-123", name="Ada", email="ada@example.org"),
        items=[A, B],
        total_amount=eur(2999),
        item_count=2,
        status=ORDER_STATUS_PENDING,
        shipping_address=Address(city="Cork"),
        order_time=WHEN,
        create_time=at(101),
        version=1,
        create_position=101,
    )
    assert not view(created(A)).HasField("update_time")


def test_items_come_join_change_and_go() -> None:
    another = events.OrderItemAdded(order_id=ORDER_ID, item=item("a", 3, 400), total_amount=eur(4199))
    joins = events.OrderItemAdded(order_id=ORDER_ID, item=A, total_amount=eur(5199))
    shown = view(created(A, B), another, joins)
    assert list(shown.items) == [item("a", 4, 500), B, item("a", 3, 400)]
    assert (shown.item_count, shown.total_amount, shown.version) == (3, eur(5199), 3)
    assert (shown.update_time, shown.create_time) == (at(103), at(101))
    fewer = events.OrderItemQuantityChanged(
        order_id=ORDER_ID, product_id="a", price=eur(400), quantity=1, total_amount=eur(4399)
    )
    assert list(view(created(A, B), another, joins, fewer).items) == [item("a", 4, 500), B, item("a", 1, 400)]
    gone = events.OrderItemRemoved(order_id=ORDER_ID, product_id="a", total_amount=eur(1999))
    shown = view(created(A, B), another, joins, fewer, gone)
    assert (list(shown.items), shown.item_count, shown.total_amount) == ([B], 1, eur(1999))
    replaced = events.OrderItemsReplaced(order_id=ORDER_ID, items=[A], total_amount=eur(1000))
    assert list(view(created(B), replaced).items) == [A]


def test_an_order_is_redirected_shipped_and_completed() -> None:
    redirected = events.ShippingAddressChanged(order_id=ORDER_ID, shipping_address=Address(city="Cork"))
    shown = view(created(A), redirected, PROCESSING, SHIPPED, COMPLETED)
    assert (shown.shipping_address.city, shown.status) == ("Cork", ORDER_STATUS_COMPLETED)
    assert (shown.tracking_number, shown.ship_time, shown.update_time) == ("T-1", at(104), at(105))


def test_a_cancelled_order_shows_why() -> None:
    shown = view(created(A), CANCELLED)
    assert (shown.status, shown.cancel_reason) == (ORDER_STATUS_CANCELLED, "late")


# promise 003-9, 002-25
def test_lists_are_newest_first_and_orders_keep_their_place_when_they_move() -> None:
    folded = Folded(ORDERS)
    for number in (1, 2, 3):
        folded.fold(created(A, order_id=f"order-{number}"))
    folded.fold(created(A, order_id="order-4", customer_id="somebody"), created(A, order_id="order-5", customer_id=""))
    for number in (3, 1):
        folded.fold(events.OrderStatusChanged(order_id=f"order-{number}", status=ORDER_STATUS_PROCESSING))
    assert folded.newest_first("orders") == [f"order:order-{number}" for number in (5, 4, 3, 2, 1)]
    assert folded.newest_first("customer:user-123") == [f"order:order-{number}" for number in (3, 2, 1)]
    assert folded.newest_first("customer_status:pending:user-123") == ["order:order-2"]
    assert folded.newest_first("customer_status:processing:user-123") == ["order:order-3", "order:order-1"]
    assert {name for name in folded.lists if not name.startswith("customer")} == {"orders"}


def test_a_customer_whose_id_ends_like_a_status_has_lists_of_its_own() -> None:
    folded = Folded(ORDERS)
    folded.fold(created(A, order_id="order-1", customer_id="7"))
    folded.fold(created(A, order_id="order-2", customer_id="7:pending"))
    assert all(len(listed) == 1 for name, listed in folded.lists.items() if name != "orders")


def test_an_event_of_an_order_that_was_never_created_is_an_error_that_names_it() -> None:
    with pytest.raises(LookupError, match="OrderShipped at version 1 of order:order-1"):
        view(SHIPPED)


@settings(max_examples=150, deadline=None)
@given(st.lists(ORDER_COMMANDS, max_size=10))
def test_the_view_is_what_the_write_side_knows(sent: list[Message]) -> None:
    state: Any = ORDER.initial
    folded = Folded(ORDERS)
    for command in [create(A, B), *sent]:
        try:
            happened = decided(command, state)
        except Refused:
            continue
        for event in happened:
            state = ORDER.evolve(state, event)
        folded.fold(*happened)
    shown = folded.views[f"order:{ORDER_ID}"]
    assert (list(shown.items), shown.total_amount, shown.status) == (state.items, state.total, state.status)
    assert (shown.item_count, shown.tracking_number) == (len(shown.items), state.tracking_number)
    assert shown.shipping_address.SerializeToString() == state.address
    assert sum(f"order:{ORDER_ID}" in entries for entries in folded.lists.values()) == 3
