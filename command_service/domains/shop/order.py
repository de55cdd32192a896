"""Step 4: an order: which command leads to what, and what its events make of it."""

from dataclasses import replace
from typing import assert_never

from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_UNSPECIFIED,
)
from google.protobuf.message import Message

from command_service.decider import QUIET, Aggregate, Context, Decider, Decision, happened
from command_service.domains.shop import order_items as items
from command_service.domains.shop import order_progress as progress
from command_service.domains.shop import order_rules as rules
from command_service.domains.shop.lines import line, lines_of, with_quantity
from command_service.domains.shop.order_state import Order, of_items, with_item, with_items, without_lines

OrderCommand = (
    commands.CreateOrderRequest
    | commands.AddOrderItemRequest
    | commands.RemoveOrderItemRequest
    | commands.ChangeOrderItemQuantityRequest
    | commands.UpdateOrderRequest
    | commands.ChangeShippingAddressRequest
    | commands.UpdateOrderStatusRequest
    | commands.ShipOrderRequest
    | commands.CompleteOrderRequest
    | commands.CancelOrderRequest
)
OrderEvent = (
    events.OrderCreated
    | events.OrderItemAdded
    | events.OrderItemRemoved
    | events.OrderItemQuantityChanged
    | events.OrderItemsReplaced
    | events.ShippingAddressChanged
    | events.OrderStatusChanged
    | events.OrderShipped
    | events.OrderCompleted
    | events.OrderCancelled
)


def decide(command: OrderCommand, context: Context, order: Order) -> Decision:
    """What the command leads to; raises Refused."""
    if isinstance(command, commands.CreateOrderRequest):
        return items.create(command, context, order)
    rules.exists(order)
    match command:
        case commands.AddOrderItemRequest():
            return items.add(command, order)
        case commands.RemoveOrderItemRequest():
            return items.remove(command, order)
        case commands.ChangeOrderItemQuantityRequest():
            return items.change_quantity(command, order)
        case commands.UpdateOrderRequest():
            return _update(command, order)
        case commands.ChangeShippingAddressRequest():
            return progress.change_address(command, order)
        case commands.UpdateOrderStatusRequest():
            return progress.change_status(command.order_id, command.status, order)
        case commands.ShipOrderRequest():
            return progress.ship(command, order)
        case commands.CompleteOrderRequest():
            return progress.complete(command.order_id, order)
        case commands.CancelOrderRequest():
            return progress.cancel(command, order)
        case _:
            assert_never(command)


def _update(command: commands.UpdateOrderRequest, order: Order) -> Decision:
    after = items.replaced(order, command.items)
    if command.HasField("total_amount"):
        rules.total_is(after, command.total_amount)
    happening: tuple[Message, ...] = ()
    if after.items != order.items:
        rules.has_open_items(order)
        happening = (events.OrderItemsReplaced(order_id=command.order_id, items=after.items, total_amount=after.total),)
    if command.status != ORDER_STATUS_UNSPECIFIED:
        moved = progress.change_status(command.order_id, command.status, order)
        happening = happening + (moved.events[0] if moved.events else ())
    return happened(*happening) if happening else QUIET


def evolve(order: Order, event: OrderEvent) -> Order:
    """The order after the event."""
    match event:
        case events.OrderCreated():
            return of_items(event.items, event.total_amount.currency_code, event.shipping_address.SerializeToString())
        case events.OrderItemAdded():
            return with_item(order, event.item)
        case events.OrderItemRemoved():
            price = event.price if event.HasField("price") else None
            return without_lines(order, lines_of(order.lines, event.product_id, price))
        case events.OrderItemQuantityChanged():
            return replace(order, lines=with_quantity(order.lines, line(event.product_id, event.price), event.quantity))
        case events.OrderItemsReplaced():
            return with_items(order, event.items)
        case events.ShippingAddressChanged():
            return replace(order, address=event.shipping_address.SerializeToString())
        case events.OrderStatusChanged():
            return replace(order, status=event.status)
        case events.OrderShipped():
            return replace(order, tracking_number=event.tracking_number)
        case events.OrderCompleted():
            return replace(order, status=ORDER_STATUS_COMPLETED)
        case events.OrderCancelled():
            return replace(order, status=ORDER_STATUS_CANCELLED, cancel_reason=event.reason)
        case _:
            assert_never(event)


ORDER = Aggregate(
    category="shop.order",
    initial=Order(),
    evolve=evolve,
    events=(
        events.OrderCreated,
        events.OrderItemAdded,
        events.OrderItemRemoved,
        events.OrderItemQuantityChanged,
        events.OrderItemsReplaced,
        events.ShippingAddressChanged,
        events.OrderStatusChanged,
        events.OrderShipped,
        events.OrderCompleted,
        events.OrderCancelled,
    ),
)

ORDERS = Decider(
    service="cqrs.shop.v1.OrderCommandService",
    reads=lambda command, context: ((ORDER, command.order_id or context.new_id),),
    decide=decide,
)
