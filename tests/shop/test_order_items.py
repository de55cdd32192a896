"""What the commands that make and change the lines of an order lead to."""

import pytest
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    ORDER_STATUS_UNSPECIFIED,
    Address,
    OrderItem,
    OrderStatus,
)
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tests.shop.given import NEW_ID, NOW, given
from tests.shop.messages import ORDER_ID, create, created, eur, item

A, B = item("a", 2, 500), item("b", 1, 1999)
MISSING = ("NOT_FOUND", "ORDER_NOT_FOUND", "The order you requested does not exist.")
NO_ITEMS = ("INVALID_ARGUMENT", "ORDER_WITHOUT_ITEMS", "Order must have at least one item")
PROCESSING = events.OrderStatusChanged(
    order_id=ORDER_ID, previous_status=ORDER_STATUS_PENDING, status=ORDER_STATUS_PROCESSING
)
FIXED = ("FAILED_PRECONDITION", "ITEMS_FIXED", "The items cannot be changed: the order is processing")


def add(product: str = "a", quantity: int = 1, price: int = 500, currency: str = "EUR") -> commands.AddOrderItemRequest:
    return commands.AddOrderItemRequest(
        order_id=ORDER_ID, product_id=product, quantity=quantity, price=eur(price, currency)
    )


def remove(product: str = "a", price: int | None = None) -> commands.RemoveOrderItemRequest:
    return commands.RemoveOrderItemRequest(
        order_id=ORDER_ID, product_id=product, price=None if price is None else eur(price)
    )


def change(quantity: int, product: str = "a", price: int | None = None) -> commands.ChangeOrderItemQuantityRequest:
    return commands.ChangeOrderItemQuantityRequest(
        order_id=ORDER_ID, product_id=product, quantity=quantity, price=None if price is None else eur(price)
    )


def update(
    *items: OrderItem, total: int | None = None, status: OrderStatus.ValueType = ORDER_STATUS_UNSPECIFIED
) -> commands.UpdateOrderRequest:
    amount = None if total is None else eur(total)
    return commands.UpdateOrderRequest(order_id=ORDER_ID, items=items, total_amount=amount, status=status)


# promise 002-1, 003-2, 000-3
def test_an_order_is_created_with_what_was_said_and_the_servers_time() -> None:
    address = Address(recipient="Ada", country="EIRE")
    who = {"customer_name": "Ada", "customer_email": "ada@example.org", "shipping_address": address}
    given().when(create(A, B, **who)).then(created(A, B, **who, order_time=NOW))
    earlier = Timestamp(seconds=1_291_191_960)
    given().when(create(A, order_time=earlier)).then(created(A, order_time=earlier))


def test_a_time_with_odd_nanoseconds_is_kept_as_the_time_that_it_means() -> None:
    for odd, plain in ((-1, (9, 999_999_999)), (1_500_000_000, (11, 500_000_000)), (7, (10, 7))):
        given().when(create(A, order_time=Timestamp(seconds=10, nanos=odd))).then(
            created(A, order_time=Timestamp(seconds=plain[0], nanos=plain[1]))
        )


# promise 002-4
def test_an_order_without_an_id_gets_the_generated_one() -> None:
    given().when(create(A, order_id="")).then(created(A, order_id=NEW_ID, order_time=NOW))


def test_the_same_product_at_the_same_price_is_one_line_and_keeps_its_first_name() -> None:
    again = OrderItem(product_id="a", product_name="Renamed", quantity=3, price=eur(500))
    given().when(create(A, B, again, item("a", 1, 400))).then(
        created(item("a", 5, 500), B, item("a", 1, 400), order_time=NOW)
    )


# promise 003-17
def test_a_total_that_is_given_must_be_the_exact_sum() -> None:
    given().when(create(item("a", 3, 1999), total_amount=eur(5997))).then(created(item("a", 3, 1999), order_time=NOW))
    given().when(create(item("a", 3, 1999), total_amount=eur(6000))).then_refused(
        "INVALID_ARGUMENT", "TOTAL_MISMATCH", "Total amount 60.00 does not match the sum of the items 59.97"
    )
    given().when(create(item("a", 1, 1999), total_amount=eur(1999, "USD"))).then_refused(
        "INVALID_ARGUMENT", "TOTAL_MISMATCH", "Total amount 19.99 USD does not match the sum of the items 19.99 EUR"
    )
    given().when(create(item("a", 1, 1999, "JPY"), total_amount=eur(1, "JPY"))).then_refused(
        "INVALID_ARGUMENT", "TOTAL_MISMATCH", "Total amount 1 does not match the sum of the items 1999"
    )


def test_all_items_are_in_one_currency() -> None:
    text = "All items of an order must be in one currency"
    mixed = (item("a", 1, 1999), item("b", 1, 1999, "USD"))
    given().when(create(*mixed)).then_refused("INVALID_ARGUMENT", "SEVERAL_CURRENCIES", text)
    given(created(A)).when(commands.UpdateOrderRequest(order_id=ORDER_ID, items=mixed)).then_refused(
        "INVALID_ARGUMENT", "SEVERAL_CURRENCIES", text
    )


def test_an_id_that_is_taken_is_refused_but_a_wrong_total_first() -> None:
    given(created(A)).when(create(A)).then_refused(
        "ALREADY_EXISTS", "ORDER_ALREADY_EXISTS", 'Order with id "order-1" already exists'
    )
    given(created(A)).when(create(A, total_amount=eur(1))).then_refused(
        "INVALID_ARGUMENT", "TOTAL_MISMATCH", "Total amount 0.01 does not match the sum of the items 10.00"
    )


def test_sums_and_lines_have_limits() -> None:
    most = [item(f"p-{number}", 1_000_000, 1_000_000_000_000) for number in range(10)]
    given().when(create(*most[:9])).then(created(*most[:9], order_time=NOW))
    too_large = ("INVALID_ARGUMENT", "AMOUNT_TOO_LARGE", "The order's total would be too large")
    given().when(create(*most)).then_refused(*too_large)
    given(created(*most[:9])).when(add("p-9", 1_000_000, 1_000_000_000_000)).then_refused(*too_large)
    too_many = ("INVALID_ARGUMENT", "AMOUNT_TOO_LARGE", "Quantity cannot be greater than 1000000")
    given().when(create(item("a", 600_000), item("a", 600_000))).then_refused(*too_many)
    given(created(item("a", 1_000_000, 500))).when(add()).then_refused(*too_many)
    full = created(*(item(f"p-{number}") for number in range(1_000)))
    given(full).when(add("one-more")).then_refused(
        "FAILED_PRECONDITION", "TOO_MANY_ITEMS", "Order cannot have more than 1000 items"
    )


# promise 003-2
def test_an_item_is_added_with_the_total_afterwards() -> None:
    given(created(A)).when(add("a", 3)).then(
        events.OrderItemAdded(
            order_id=ORDER_ID,
            item=OrderItem(product_id="a", quantity=3, price=eur(500)),
            total_amount=eur(2500),
        )
    )
    given(created(A)).when(add("a", 1, 500, "USD")).then_refused(
        "FAILED_PRECONDITION", "CURRENCY_MISMATCH", "The order is in EUR, not in USD"
    )


def test_an_item_is_removed_at_all_prices_or_at_one() -> None:
    three = (A, item("a", 1, 400), B)
    given(created(*three)).when(remove()).then(
        events.OrderItemRemoved(order_id=ORDER_ID, product_id="a", total_amount=eur(1999))
    )
    given(created(*three)).when(remove(price=400)).then(
        events.OrderItemRemoved(order_id=ORDER_ID, product_id="a", price=eur(400), total_amount=eur(2999))
    )


# promise 004-17
def test_the_last_line_stays() -> None:
    given(created(A)).when(remove()).then_refused(*NO_ITEMS)
    given(created(A)).when(change(0)).then_refused(*NO_ITEMS)
    given(created(A, item("a", 1, 400))).when(remove()).then_refused(*NO_ITEMS)


def test_what_is_not_in_the_order_cannot_be_removed_or_changed() -> None:
    for command in (remove("z"), change(3, "z"), change(0, "z")):
        given(created(A)).when(command).then_refused(
            "FAILED_PRECONDITION", "ITEM_NOT_FOUND", "Product z is not in the order"
        )
    given(created(A)).when(remove(price=1)).then_refused(
        "FAILED_PRECONDITION", "ITEM_NOT_FOUND", "Product a is not in the order at this price"
    )


def test_a_quantity_is_set_and_0_removes() -> None:
    given(created(A, B)).when(change(7)).then(
        events.OrderItemQuantityChanged(
            order_id=ORDER_ID, product_id="a", price=eur(500), quantity=7, total_amount=eur(5499)
        )
    )
    given(created(A, B)).when(change(0)).then(
        events.OrderItemRemoved(order_id=ORDER_ID, product_id="a", price=eur(500), total_amount=eur(1999))
    )
    given(created(A, B)).when(change(2)).then_quiet()
    given(created(A, item("a", 1, 400))).when(change(7)).then_refused(
        "FAILED_PRECONDITION", "PRICE_AMBIGUOUS", "Product a is in the order at 2 prices: say which by its price"
    )


@pytest.mark.parametrize("command", [add(), remove(), change(5), update(B)])
def test_items_are_fixed_once_processing_has_begun(command: Message) -> None:
    given(created(A, B), PROCESSING).when(command).then_refused(*FIXED)


# promise 002-2
def test_an_update_replaces_the_items_and_recomputes_the_total() -> None:
    replaced = events.OrderItemsReplaced(order_id=ORDER_ID, items=[B], total_amount=eur(1999))
    given(created(A)).when(update(B)).then(replaced)
    given(created(A)).when(update(B, total=1999)).then(replaced)
    given(created(A)).when(update(B, total=1000)).then_refused(
        "INVALID_ARGUMENT", "TOTAL_MISMATCH", "Total amount 10.00 does not match the sum of the items 19.99"
    )


def test_an_update_of_everything_is_all_or_nothing() -> None:
    replaced = events.OrderItemsReplaced(order_id=ORDER_ID, items=[B], total_amount=eur(1999))
    given(created(A)).when(update(B, total=1999, status=ORDER_STATUS_PROCESSING)).then(replaced, PROCESSING)
    given(created(A)).when(update(B, status=ORDER_STATUS_COMPLETED)).then_refused(
        "FAILED_PRECONDITION",
        "STATUS_NOT_REACHABLE",
        "Is not possible to change the order status from pending to completed.",
    )


def test_an_update_to_what_is_there_is_quiet() -> None:
    given(created(A), PROCESSING).when(update(A, total=1000, status=ORDER_STATUS_PROCESSING)).then_quiet()
    given(created(A)).when(update(total=1000)).then_quiet()
    given(created(A)).when(update(total=999)).then_refused(
        "INVALID_ARGUMENT", "TOTAL_MISMATCH", "Total amount 9.99 does not match the sum of the items 10.00"
    )
    given(created(A)).when(update(item("a", 1, 1, "USD"))).then_refused(
        "FAILED_PRECONDITION", "CURRENCY_MISMATCH", "The order is in EUR, not in USD"
    )


# promise 002-25
@pytest.mark.parametrize(
    "command",
    [
        add(),
        remove(),
        change(1),
        update(A),
        commands.ChangeShippingAddressRequest(order_id=ORDER_ID, shipping_address=Address()),
        commands.UpdateOrderStatusRequest(order_id=ORDER_ID, status=ORDER_STATUS_CANCELLED),
        commands.ShipOrderRequest(order_id=ORDER_ID, tracking_number="T-1"),
        commands.CompleteOrderRequest(order_id=ORDER_ID),
        commands.CancelOrderRequest(order_id=ORDER_ID, reason="changed my mind"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_an_unknown_order_is_not_found(command: Message) -> None:
    given().when(command).then_refused(*MISSING)
