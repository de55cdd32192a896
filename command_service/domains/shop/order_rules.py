"""Step 4: what must hold of an order; each rule raises its refusal."""

from collections.abc import Iterable

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.errors_pb2 import (
    SHOP_ERROR_AMOUNT_TOO_LARGE,
    SHOP_ERROR_CURRENCY_MISMATCH,
    SHOP_ERROR_ITEM_NOT_FOUND,
    SHOP_ERROR_ITEMS_FIXED,
    SHOP_ERROR_ORDER_ALREADY_EXISTS,
    SHOP_ERROR_ORDER_ALREADY_SHIPPED,
    SHOP_ERROR_ORDER_NOT_FOUND,
    SHOP_ERROR_ORDER_NOT_PAID,
    SHOP_ERROR_ORDER_WITHOUT_ITEMS,
    SHOP_ERROR_PRICE_AMBIGUOUS,
    SHOP_ERROR_SEVERAL_CURRENCIES,
    SHOP_ERROR_STATUS_NOT_REACHABLE,
    SHOP_ERROR_TOO_MANY_ITEMS,
    SHOP_ERROR_TOTAL_MISMATCH,
)
from cqrs.shop.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    ORDER_STATUS_UNSPECIFIED,
    PAYMENT_STATUS_CAPTURED,
    OrderItem,
    OrderStatus,
)

from command_service.domains.money import spelled
from command_service.domains.shop.lines import Line, amount, lines_of
from command_service.domains.shop.order_state import Order, spelled_status
from command_service.domains.shop.payment_state import Payment
from command_service.domains.shop.refusal import LARGEST_AMOUNT, LARGEST_QUANTITY, MOST_LINES, refuse

MOVES = frozenset(
    {
        (ORDER_STATUS_PENDING, ORDER_STATUS_PROCESSING),
        (ORDER_STATUS_PENDING, ORDER_STATUS_CANCELLED),
        (ORDER_STATUS_PROCESSING, ORDER_STATUS_COMPLETED),
        (ORDER_STATUS_PROCESSING, ORDER_STATUS_CANCELLED),
    }
)
"""Every move of the state machine, as (from, to)."""


def is_new(order: Order, order_id: str) -> None:
    """The id is free."""
    if order.status != ORDER_STATUS_UNSPECIFIED:
        raise refuse(SHOP_ERROR_ORDER_ALREADY_EXISTS, f'Order with id "{order_id}" already exists')


def exists(order: Order) -> None:
    """The order was created."""
    if order.status == ORDER_STATUS_UNSPECIFIED:
        raise refuse(SHOP_ERROR_ORDER_NOT_FOUND, "The order you requested does not exist.")


def has_open_items(order: Order) -> None:
    """The items may still change."""
    if order.placed:
        text = "The items cannot be changed: the order is placed, its stock and payment are for these"
        raise refuse(SHOP_ERROR_ITEMS_FIXED, text)
    if order.status != ORDER_STATUS_PENDING:
        text = f"The items cannot be changed: the order is {spelled_status(order.status)}"
        raise refuse(SHOP_ERROR_ITEMS_FIXED, text)


def may_become(order: Order, status: OrderStatus.ValueType) -> None:
    """The state machine leads from the order's status to this one."""
    if status == ORDER_STATUS_CANCELLED:
        has_not_left(order)
    if (order.status, status) not in MOVES:
        before, after = spelled_status(order.status), spelled_status(status)
        text = f"Is not possible to change the order status from {before} to {after}."
        raise refuse(SHOP_ERROR_STATUS_NOT_REACHABLE, text)


def has_not_left(order: Order) -> None:
    """It was not shipped."""
    if order.tracking_number:
        raise refuse(SHOP_ERROR_ORDER_ALREADY_SHIPPED, "Order has already been shipped")


def is_paid(order: Order, payment: Payment) -> None:
    """A placed order's payment is captured; one that was merely created is paid for elsewhere."""
    if order.placed and payment.status != PAYMENT_STATUS_CAPTURED:
        raise refuse(SHOP_ERROR_ORDER_NOT_PAID, "The order's payment is not captured")


def is_one_currency(items: Iterable[OrderItem]) -> None:
    """The items of a request are all in the same currency."""
    currencies = {item.price.currency_code for item in items}
    if len(currencies) > 1:
        text = "All items of an order must be in one currency"
        raise refuse(SHOP_ERROR_SEVERAL_CURRENCIES, text, field="items")


def is_in_currency(order: Order, price: Money) -> None:
    """The price is in the order's one currency."""
    if price.currency_code != order.currency:
        text = f"The order is in {order.currency}, not in {price.currency_code}"
        raise refuse(SHOP_ERROR_CURRENCY_MISMATCH, text)


def one_line(order: Order, product_id: str, price: Money | None) -> Line:
    """The one line of a product that is meant."""
    found = some_lines(order, product_id, price)
    if len(found) > 1:
        text = f"Product {product_id} is in the order at {len(found)} prices: say which by its price"
        raise refuse(SHOP_ERROR_PRICE_AMBIGUOUS, text)
    return found[0]


def some_lines(order: Order, product_id: str, price: Money | None) -> tuple[Line, ...]:
    """The lines of a product that are meant, at least one."""
    found = lines_of(order.lines, product_id, price)
    if not found:
        at_price = "" if price is None else " at this price"
        raise refuse(SHOP_ERROR_ITEM_NOT_FOUND, f"Product {product_id} is not in the order{at_price}")
    return found


def fits(order: Order, field: str) -> Order:
    """One to 1,000 lines, each at most 1,000,000 times, with a sum that an amount can hold; gives the order back."""
    if not order.lines:
        raise refuse(SHOP_ERROR_ORDER_WITHOUT_ITEMS, "Order must have at least one item", field=field)
    if len(order.lines) > MOST_LINES:
        raise refuse(SHOP_ERROR_TOO_MANY_ITEMS, f"Order cannot have more than {MOST_LINES} items")
    if max(order.lines.values()) > LARGEST_QUANTITY:
        text = f"Quantity cannot be greater than {LARGEST_QUANTITY}"
        raise refuse(SHOP_ERROR_AMOUNT_TOO_LARGE, text, field=field)
    if amount(order.lines, order.currency) > LARGEST_AMOUNT:
        raise refuse(SHOP_ERROR_AMOUNT_TOO_LARGE, "The order's total would be too large", field=field)
    return order


def total_is(order: Order, given: Money) -> None:
    """The total that the caller gave is the sum of the lines."""
    total = order.total
    if (given.minor_units, given.currency_code) != (total.minor_units, total.currency_code):
        with_currency = given.currency_code != total.currency_code
        texts = [spelled(each) + f" {each.currency_code}" * with_currency for each in (given, total)]
        text = f"Total amount {texts[0]} does not match the sum of the items {texts[1]}"
        raise refuse(SHOP_ERROR_TOTAL_MISMATCH, text, field="total_amount")
