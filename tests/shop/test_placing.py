"""Placed orders, checkouts, notifications and figures: what each command does, when it is refused, when it is quiet."""

from typing import Any

import pytest
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1 import follow_up_commands_pb2 as follow_ups
from cqrs.shop.v1.types_pb2 import (
    NOTIFICATION_KIND_ORDER_CANCELLED,
    NOTIFICATION_KIND_ORDER_CONFIRMED,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    Address,
    OrderItem,
)

from command_service.domains.shop.notification import letter
from command_service.domains.shop.order_events import ORDER
from tests.shop.fulfilment_messages import EMAIL, method, place, placed
from tests.shop.given import NEW_ID, NOW, GivenStreams, given, given_streams
from tests.shop.messages import ORDER_ID, USER, added, created, eur, item

MOVED = events.OrderStatusChanged(
    order_id=ORDER_ID, previous_status=ORDER_STATUS_PENDING, status=ORDER_STATUS_PROCESSING
)
CANCELLED = events.OrderCancelled(order_id=ORDER_ID, reason="late")
CONFIRM = commands.ConfirmOrderRequest(order_id=ORDER_ID)
COUNT = follow_ups.UpdateAnalyticsRequest(order_id=ORDER_ID)
UNKNOWN = ("NOT_FOUND", "ORDER_NOT_FOUND", "The order you requested does not exist.")


def tell(kind: Any = NOTIFICATION_KIND_ORDER_CONFIRMED, **fields: Any) -> follow_ups.SendOrderNotificationsRequest:
    return follow_ups.SendOrderNotificationsRequest(order_id=ORDER_ID, kind=kind, **fields)


def checkout(**fields: Any) -> commands.CheckoutCartRequest:
    return commands.CheckoutCartRequest(user_id=USER, payment=method(), customer_email=EMAIL, **fields)


def order(*happened: Any, sent: tuple[Any, ...] = (), counted: tuple[Any, ...] = ()) -> GivenStreams:
    return given_streams(
        {
            f"shop.order-{ORDER_ID}": happened,
            f"shop.notification-{ORDER_ID}": sent,
            f"shop.analytics-{ORDER_ID}": counted,
        }
    )


# promise 000-35, 000-36
def test_a_placed_order_says_how_it_is_paid_and_who_carries_it_on() -> None:
    address = Address(recipient="Ada")
    command = place(customer_name="Ada", shipping_address=address, total_amount=eur(1999))
    event = placed(customer_name="Ada", shipping_address=address, order_time=NOW)
    given().when(command).then(event)
    named = place(order_id="")
    given().when(named).then(placed(order_id=NEW_ID, order_time=NOW))
    taken = ("ALREADY_EXISTS", "ORDER_ALREADY_EXISTS", f'Order with id "{ORDER_ID}" already exists')
    given(placed()).when(place()).then_refused(*taken)
    text = "Total amount 20.00 does not match the sum of the items 19.99"
    given().when(place(total_amount=eur(2000))).then_refused("INVALID_ARGUMENT", "TOTAL_MISMATCH", text)


def test_the_items_of_a_placed_order_are_fixed_from_the_beginning() -> None:
    add = commands.AddOrderItemRequest(order_id=ORDER_ID, product_id="b", quantity=1, price=eur(5))
    text = "The items cannot be changed: the order is placed, its stock and payment are for these"
    given(placed()).when(add).then_refused("FAILED_PRECONDITION", "ITEMS_FIXED", text)


def test_only_a_placed_order_is_confirmed_and_once() -> None:
    given(placed()).when(CONFIRM).then(MOVED)
    given(placed(), MOVED).when(CONFIRM).then_quiet()
    given(placed(), MOVED, events.OrderCompleted(order_id=ORDER_ID)).when(CONFIRM).then_quiet()
    text = "Only a placed order is confirmed by its fulfilment"
    given(created()).when(CONFIRM).then_refused("FAILED_PRECONDITION", "WRONG_MOMENT", text)
    text = "Is not possible to change the order status from cancelled to processing."
    given(placed(), CANCELLED).when(CONFIRM).then_refused("FAILED_PRECONDITION", "STATUS_NOT_REACHABLE", text)
    given().when(CONFIRM).then_refused(*UNKNOWN)


def test_a_checked_out_cart_is_empty_and_its_order_is_placed_with_it() -> None:
    cart = given_streams({f"shop.cart-{USER}": [added(quantity=2), added("b", price=5)]})
    checked_out = events.CartCheckedOut(user_id=USER, order_id=NEW_ID)
    items = [
        OrderItem(product_id="product-abc", quantity=2, price=eur(1999)),
        OrderItem(product_id="b", quantity=1, price=eur(5)),
    ]
    expected = commands.PlaceOrderRequest(
        order_id=NEW_ID, user_id=USER, items=items, payment=method(), customer_email=EMAIL, order_time=NOW
    )
    cart.when(checkout(total_amount=eur(4003))).then_streams([checked_out], commands=[expected])
    response: Any = cart.when(checkout()).decision().response
    assert response.order_id == NEW_ID
    text = "Total amount 40.00 does not match the sum of the items 40.03"
    cart.when(checkout(total_amount=eur(4000))).then_refused("INVALID_ARGUMENT", "TOTAL_MISMATCH", text)
    given(added(), checked_out).when(commands.ClearCartRequest(user_id=USER)).then_quiet()


def test_a_cart_that_is_empty_or_in_several_currencies_is_not_checked_out() -> None:
    given().when(checkout()).then_refused("FAILED_PRECONDITION", "CART_EMPTY", "Cart is empty")
    text = "The cart holds items in EUR and USD: an order is in one currency"
    two = (added(), added("b", currency="USD"))
    given(*two).when(checkout()).then_refused("FAILED_PRECONDITION", "CART_SEVERAL_CURRENCIES", text)


# promise 000-39
def test_a_customer_is_told_of_each_kind_once() -> None:
    mail = letter(ORDER_ID, NOTIFICATION_KIND_ORDER_CONFIRMED, EMAIL, ORDER.evolve(ORDER.initial, placed()))
    sent = events.NotificationSent(
        order_id=ORDER_ID,
        kind=NOTIFICATION_KIND_ORDER_CONFIRMED,
        recipient=EMAIL,
        message_id=f"<order/{ORDER_ID}/confirmed@obverse>",
    )
    order(placed(), MOVED).when(tell()).then_asks_the_world()
    order(placed(), MOVED).when(tell(), mail).then_streams([sent])
    order(placed(), MOVED, CANCELLED).when(tell(), mail).then_streams([sent])
    order(placed(), MOVED, sent=(sent,)).when(tell()).then_quiet()
    order(placed(), CANCELLED, sent=(sent,)).when(tell(NOTIFICATION_KIND_ORDER_CANCELLED)).then_asks_the_world()


def test_a_customer_is_told_only_what_is_so() -> None:
    order().when(tell()).then_refused(*UNKNOWN)
    for status, happened, kind in (
        ("pending", (), NOTIFICATION_KIND_ORDER_CONFIRMED),
        ("cancelled", (CANCELLED,), NOTIFICATION_KIND_ORDER_CONFIRMED),
        ("processing", (MOVED,), NOTIFICATION_KIND_ORDER_CANCELLED),
    ):
        text = f"The order is {status}: its customer is not told otherwise"
        order(placed(), *happened).when(tell(kind)).then_refused("FAILED_PRECONDITION", "WRONG_MOMENT", text)
    text = "The order has no e-mail address to notify"
    order(created(), MOVED).when(tell()).then_refused("FAILED_PRECONDITION", "NO_RECIPIENT", text)
    order(created(), MOVED).when(tell(recipient=EMAIL)).then_asks_the_world()


@pytest.mark.parametrize("order_id", ["a b", "<x>@y", "line\nbreak", "ü" * 200])
def test_any_order_id_makes_a_mail_that_can_be_sent(order_id: str) -> None:
    for kind in (NOTIFICATION_KIND_ORDER_CONFIRMED, NOTIFICATION_KIND_ORDER_CANCELLED):
        mail = letter(order_id, kind, EMAIL, ORDER.evolve(ORDER.initial, placed()))
        assert mail.message_id.endswith("@obverse>")


# promise 000-40
def test_an_order_is_counted_once_and_taken_off_again_when_it_is_cancelled() -> None:
    what: Any = {"order_id": ORDER_ID, "order_time": NOW, "items": [item()], "total_amount": eur(1999)}
    counted = events.AnalyticsUpdated(**what)
    retracted = events.AnalyticsUpdated(**what, retracted=True)
    new = placed(order_time=NOW)
    order(new).when(COUNT).then_streams([counted])
    order(new, counted=(counted,)).when(COUNT).then_quiet()
    order(new, CANCELLED, counted=(counted,)).when(COUNT).then_streams([retracted])
    order(new, CANCELLED, counted=(counted, retracted)).when(COUNT).then_quiet()
    order(new, CANCELLED).when(COUNT).then_quiet()
    order().when(COUNT).then_refused(*UNKNOWN)
