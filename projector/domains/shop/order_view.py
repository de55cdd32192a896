"""Step 8: what one event makes of one order's view."""

from typing import assert_never

from cqrs.common.v1.common_pb2 import Money
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PENDING,
    OrderItem,
    PaymentStatus,
)
from cqrs.shop.v1.views_pb2 import Customer, OrderView

OrderChange = (
    events.OrderItemAdded
    | events.OrderItemRemoved
    | events.OrderItemQuantityChanged
    | events.OrderItemsReplaced
    | events.ShippingAddressChanged
    | events.OrderStatusChanged
    | events.OrderShipped
    | events.OrderCompleted
    | events.OrderCancelled
)
OrderEvent = events.OrderCreated | OrderChange
ORDER_EVENTS = (
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
)
"""Every event of an order's own stream."""


def create(event: events.OrderCreated, record: Record, position: int) -> OrderView:
    """The view of a new order, whose record stands at `position`."""
    customer = Customer(customer_id=event.customer_id, name=event.customer_name, email=event.customer_email)
    return OrderView(
        order_id=event.order_id,
        customer=customer,
        items=event.items,
        total_amount=event.total_amount,
        item_count=len(event.items),
        status=ORDER_STATUS_PENDING,
        shipping_address=event.shipping_address if event.HasField("shipping_address") else None,
        order_time=event.order_time,
        create_time=record.time,
        version=record.version,
        create_position=position,
        fulfilment=event.fulfilment,
    )


def change(before: OrderView, event: OrderChange, record: Record) -> OrderView:
    """The view after an event; `before` stays as it is."""
    order = OrderView()
    order.CopyFrom(before)
    _change(order, event, record)
    order.item_count = len(order.items)
    order.version = record.version
    order.update_time.CopyFrom(record.time)
    return order


def paid(before: OrderView, payment_status: PaymentStatus.ValueType, record: Record) -> OrderView:
    """The view after its payment moved on; the version stays, for it is that of the order's own stream."""
    order = OrderView()
    order.CopyFrom(before)
    order.payment_status = payment_status
    order.update_time.CopyFrom(record.time)
    return order


def _change(order: OrderView, event: OrderChange, record: Record) -> None:
    match event:
        case (
            events.OrderItemAdded()
            | events.OrderItemRemoved()
            | events.OrderItemQuantityChanged()
            | events.OrderItemsReplaced()
        ):
            _change_lines(order, event)
            order.total_amount.CopyFrom(event.total_amount)
        case events.ShippingAddressChanged():
            order.shipping_address.CopyFrom(event.shipping_address)
        case events.OrderStatusChanged():
            order.status = event.status
        case events.OrderShipped():
            order.tracking_number = event.tracking_number
            order.ship_time.CopyFrom(record.time)
        case events.OrderCompleted():
            order.status = ORDER_STATUS_COMPLETED
        case events.OrderCancelled():
            order.status = ORDER_STATUS_CANCELLED
            order.cancel_reason = event.reason
        case _:
            assert_never(event)


def _change_lines(
    order: OrderView,
    event: events.OrderItemAdded
    | events.OrderItemRemoved
    | events.OrderItemQuantityChanged
    | events.OrderItemsReplaced,
) -> None:
    match event:
        case events.OrderItemAdded():
            line = _line(order, event.item.product_id, event.item.price)
            if line is None:
                order.items.append(event.item)
            else:
                line.quantity += event.item.quantity
        case events.OrderItemRemoved():
            _remove(order, event.product_id, event.price if event.HasField("price") else None)
        case events.OrderItemQuantityChanged():
            line = _line(order, event.product_id, event.price)
            if line is None:
                raise LookupError(f"order:{order.order_id} has no line of {event.product_id} at {event.price}")
            line.quantity = event.quantity
        case events.OrderItemsReplaced():
            order.ClearField("items")
            order.items.extend(event.items)
        case _:
            assert_never(event)


def _line(order: OrderView, product_id: str, price: Money) -> OrderItem | None:
    return next((line for line in order.items if line.product_id == product_id and line.price == price), None)


def _remove(order: OrderView, product_id: str, price: Money | None) -> None:
    for place in reversed(range(len(order.items))):
        if order.items[place].product_id == product_id and price in (None, order.items[place].price):
            del order.items[place]
