"""Every move of an order's state machine, and what ships, completes, cancels and redirects it."""

from itertools import product

import pytest
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import Address, OrderStatus
from google.protobuf.message import Message

from tests.shop.given import evolved, given
from tests.shop.messages import ORDER_ID, created

ALLOWED = {
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("processing", "completed"),
    ("processing", "cancelled"),
}
STATUSES = ("pending", "processing", "completed", "cancelled", "refunded")
SHIPPED = events.OrderShipped(order_id=ORDER_ID, tracking_number="T-1")
COMPLETED = events.OrderCompleted(order_id=ORDER_ID)
LEFT = ("FAILED_PRECONDITION", "ORDER_ALREADY_SHIPPED", "Order has already been shipped")


def status(name: str) -> OrderStatus.ValueType:
    return OrderStatus.Value(f"ORDER_STATUS_{name.upper()}")


def moved(before: str, after: str) -> events.OrderStatusChanged:
    return events.OrderStatusChanged(order_id=ORDER_ID, previous_status=status(before), status=status(after))


def move(after: str) -> commands.UpdateOrderStatusRequest:
    return commands.UpdateOrderStatusRequest(order_id=ORDER_ID, status=status(after))


def ship(tracking_number: str = "T-1") -> commands.ShipOrderRequest:
    return commands.ShipOrderRequest(order_id=ORDER_ID, tracking_number=tracking_number)


def cancel(reason: str = "changed my mind") -> commands.CancelOrderRequest:
    return commands.CancelOrderRequest(order_id=ORDER_ID, reason=reason)


def redirect(recipient: str) -> commands.ChangeShippingAddressRequest:
    return commands.ChangeShippingAddressRequest(order_id=ORDER_ID, shipping_address=Address(recipient=recipient))


REACH: dict[str, tuple[Message, ...]] = {
    "pending": (created(),),
    "processing": (created(), moved("pending", "processing")),
    "completed": (created(), moved("pending", "processing"), COMPLETED),
    "cancelled": (created(), events.OrderCancelled(order_id=ORDER_ID, reason="changed my mind")),
    "refunded": (created(), moved("completed", "refunded")),
}
COMPLETE = commands.CompleteOrderRequest(order_id=ORDER_ID)


def refused_move(before: str, after: str) -> tuple[str, str, str]:
    text = f"Is not possible to change the order status from {before} to {after}."
    return "FAILED_PRECONDITION", "STATUS_NOT_REACHABLE", text


# promise 002-2, 000-4
@pytest.mark.parametrize(("before", "after"), [*product(STATUSES, STATUSES)])
def test_only_the_moves_of_the_table_are_possible_and_the_same_status_is_quiet(before: str, after: str) -> None:
    when = given(*REACH[before]).when(move(after))
    if before == after:
        when.then_quiet()
    elif (before, after) in ALLOWED:
        when.then(moved(before, after))
    else:
        when.then_refused(*refused_move(before, after))


@pytest.mark.parametrize("before", STATUSES)
def test_an_order_is_completed_from_processing_shipped_or_not(before: str) -> None:
    when = given(*REACH[before]).when(COMPLETE)
    if before == "processing":
        when.then(COMPLETED)
        given(*REACH[before], SHIPPED).when(COMPLETE).then(COMPLETED)
    elif before == "completed":
        when.then_quiet()
    else:
        when.then_refused(*refused_move(before, "completed"))


# promise 003-2
@pytest.mark.parametrize("before", STATUSES)
def test_an_order_is_cancelled_while_it_can_be(before: str) -> None:
    when = given(*REACH[before]).when(cancel())
    if before in ("pending", "processing"):
        when.then(events.OrderCancelled(order_id=ORDER_ID, reason="changed my mind"))
    elif before == "cancelled":
        when.then_quiet()
    else:
        when.then_refused(*refused_move(before, "cancelled"))


def test_cancelling_again_for_another_reason_is_refused() -> None:
    refusal = ("FAILED_PRECONDITION", "ORDER_ALREADY_CANCELLED", "Order has already been cancelled for another reason")
    given(*REACH["cancelled"]).when(cancel("too late")).then_refused(*refusal)
    given(created(), moved("pending", "cancelled")).when(cancel()).then_refused(*refusal)


@pytest.mark.parametrize("command", [cancel(), move("cancelled"), redirect("Bob"), ship("T-2")])
@pytest.mark.parametrize("afterwards", [(), (COMPLETED,)])
def test_what_has_left_cannot_be_cancelled_redirected_or_shipped_again(
    command: Message, afterwards: tuple[Message, ...]
) -> None:
    given(*REACH["processing"], SHIPPED, *afterwards).when(command).then_refused(*LEFT)


@pytest.mark.parametrize("before", STATUSES)
def test_only_a_processing_order_ships(before: str) -> None:
    when = given(*REACH[before]).when(ship())
    if before == "processing":
        when.then(SHIPPED)
    else:
        text = f"Only an order that is processing can be shipped, this one is {before}"
        when.then_refused("FAILED_PRECONDITION", "ORDER_NOT_PROCESSING", text)


def test_shipping_again_under_the_same_number_is_quiet() -> None:
    given(*REACH["processing"], SHIPPED).when(ship()).then_quiet()
    given(*REACH["processing"], SHIPPED, COMPLETED).when(ship()).then_quiet()


def test_the_shipping_address_changes_until_it_is_shipped() -> None:
    redirected = events.ShippingAddressChanged(order_id=ORDER_ID, shipping_address=Address(recipient="Bob"))
    given(created()).when(redirect("Bob")).then(redirected)
    given(created(), redirected).when(redirect("Bob")).then_quiet()
    given(created(shipping_address=Address(recipient="Bob"))).when(redirect("Bob")).then_quiet()


def test_the_state_says_what_it_holds_without_personal_data() -> None:
    events_so_far = (created(customer_name="Ada Lovelace", customer_email="ada@example.org"),)
    assert str(evolved(cancel(), events_so_far)) == "Order(status=pending, lines=1, items=1)"
