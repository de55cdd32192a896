"""Step 4: the commands that make and change the lines of an order."""

from collections.abc import Sequence
from dataclasses import replace

from cqrs.shop.v1.commands_pb2 import (
    AddOrderItemRequest,
    ChangeOrderItemQuantityRequest,
    CreateOrderRequest,
    RemoveOrderItemRequest,
)
from cqrs.shop.v1.events_pb2 import OrderCreated, OrderItemAdded, OrderItemQuantityChanged, OrderItemRemoved
from cqrs.shop.v1.types_pb2 import OrderItem

from command_service.decider import QUIET, Context, Decision, happened
from command_service.domains.shop import order_rules as rules
from command_service.domains.shop.lines import with_quantity
from command_service.domains.shop.order_state import Order, of_items, with_item, with_items, without_lines
from runtime.record import whole


def create(command: CreateOrderRequest, context: Context, order: Order) -> Decision:
    """A new order, pending."""
    return happened(created(command, context, order))


def created(command: CreateOrderRequest, context: Context, order: Order) -> OrderCreated:
    """The event of a new order; raises Refused when it cannot be."""
    rules.is_one_currency(command.items)
    new = rules.fits(of_items(command.items, command.items[0].price.currency_code), "items")
    if command.HasField("total_amount"):
        rules.total_is(new, command.total_amount)
    order_id = command.order_id or context.new_id
    rules.is_new(order, order_id)
    return OrderCreated(
        order_id=order_id,
        customer_id=command.customer_id,
        customer_name=command.customer_name,
        customer_email=command.customer_email,
        items=new.items,
        total_amount=new.total,
        shipping_address=command.shipping_address if command.HasField("shipping_address") else None,
        order_time=whole(command.order_time) if command.HasField("order_time") else context.time,
    )


def add(command: AddOrderItemRequest, order: Order) -> Decision:
    """More of a product."""
    rules.has_open_items(order)
    rules.is_in_currency(order, command.price)
    item = OrderItem(
        product_id=command.product_id,
        product_name=command.product_name,
        quantity=command.quantity,
        price=command.price,
    )
    after = rules.fits(with_item(order, item), "quantity")
    return happened(OrderItemAdded(order_id=command.order_id, item=item, total_amount=after.total))


def remove(command: RemoveOrderItemRequest, order: Order) -> Decision:
    """Nothing of a product any more, or not at a price."""
    rules.has_open_items(order)
    price = command.price if command.HasField("price") else None
    after = without_lines(order, rules.some_lines(order, command.product_id, price))
    total = rules.fits(after, "product_id").total
    return happened(
        OrderItemRemoved(order_id=command.order_id, product_id=command.product_id, price=price, total_amount=total)
    )


def change_quantity(command: ChangeOrderItemQuantityRequest, order: Order) -> Decision:
    """Another quantity on a line; none takes it off."""
    rules.has_open_items(order)
    price = command.price if command.HasField("price") else None
    changed = rules.one_line(order, command.product_id, price)
    what = {"order_id": command.order_id, "product_id": command.product_id}
    if command.quantity == 0:
        total = rules.fits(without_lines(order, [changed]), "quantity").total
        return happened(OrderItemRemoved(**what, price=changed.price, total_amount=total))
    if command.quantity == order.lines[changed]:
        return QUIET
    after = replace(order, lines=with_quantity(order.lines, changed, command.quantity))
    total = rules.fits(after, "quantity").total
    return happened(
        OrderItemQuantityChanged(**what, price=changed.price, quantity=command.quantity, total_amount=total)
    )


def replaced(order: Order, items: Sequence[OrderItem]) -> Order:
    """The order with these lines instead of its own; with its own where none are given."""
    if not items:
        return order
    rules.is_one_currency(items)
    rules.is_in_currency(order, items[0].price)
    return rules.fits(with_items(order, items), "items")
