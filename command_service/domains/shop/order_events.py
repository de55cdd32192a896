"""Step 4: what its events make of an order."""

from dataclasses import replace
from typing import assert_never

from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_COMPLETED

from command_service.decider import Aggregate
from command_service.domains.shop.lines import line, lines_of, with_quantity
from command_service.domains.shop.order_state import Order, of_items, with_item, with_items, without_lines

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


def evolve(order: Order, event: OrderEvent) -> Order:
    """The order after the event."""
    match event:
        case events.OrderCreated():
            return _created(event)
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


def _created(event: events.OrderCreated) -> Order:
    order = of_items(event.items, event.total_amount.currency_code, event.shipping_address.SerializeToString())
    return replace(order, fulfilment=event.fulfilment, email=event.customer_email, order_time=event.order_time)


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
