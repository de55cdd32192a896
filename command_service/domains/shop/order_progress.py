"""Step 4: the commands that move an order along and say where it goes."""

from cqrs.shop.v1.commands_pb2 import CancelOrderRequest, ChangeShippingAddressRequest, ShipOrderRequest
from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_ORDER_ALREADY_CANCELLED, SHOP_ERROR_ORDER_NOT_PROCESSING
from cqrs.shop.v1.events_pb2 import (
    OrderCancelled,
    OrderCompleted,
    OrderShipped,
    OrderStatusChanged,
    ShippingAddressChanged,
)
from cqrs.shop.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PROCESSING,
    OrderStatus,
)

from command_service.decider import QUIET, Decision, happened
from command_service.domains.shop import order_rules as rules
from command_service.domains.shop.order_state import Order, spelled_status
from command_service.domains.shop.refusal import refuse


def change_status(order_id: str, status: OrderStatus.ValueType, order: Order) -> Decision:
    """Another status; the one that it has is quiet."""
    if status == order.status:
        return QUIET
    rules.may_become(order, status)
    return happened(OrderStatusChanged(order_id=order_id, previous_status=order.status, status=status))


def complete(order_id: str, order: Order) -> Decision:
    """Done, shipped or not."""
    if order.status == ORDER_STATUS_COMPLETED:
        return QUIET
    rules.may_become(order, ORDER_STATUS_COMPLETED)
    return happened(OrderCompleted(order_id=order_id))


def cancel(command: CancelOrderRequest, order: Order) -> Decision:
    """Called off; again for the same reason is quiet."""
    if order.status == ORDER_STATUS_CANCELLED:
        if order.cancel_reason == command.reason:
            return QUIET
        raise refuse(SHOP_ERROR_ORDER_ALREADY_CANCELLED, "Order has already been cancelled for another reason")
    rules.may_become(order, ORDER_STATUS_CANCELLED)
    return happened(OrderCancelled(order_id=command.order_id, reason=command.reason))


def ship(command: ShipOrderRequest, order: Order) -> Decision:
    """Left under a tracking number; again under the same one is quiet."""
    if order.tracking_number == command.tracking_number:
        return QUIET
    rules.has_not_left(order)
    if order.status != ORDER_STATUS_PROCESSING:
        text = f"Only an order that is processing can be shipped, this one is {spelled_status(order.status)}"
        raise refuse(SHOP_ERROR_ORDER_NOT_PROCESSING, text)
    return happened(OrderShipped(order_id=command.order_id, tracking_number=command.tracking_number))


def change_address(command: ChangeShippingAddressRequest, order: Order) -> Decision:
    """Goes elsewhere; the address that it has is quiet."""
    if order.address == command.shipping_address.SerializeToString():
        return QUIET
    rules.has_not_left(order)
    return happened(ShippingAddressChanged(order_id=command.order_id, shipping_address=command.shipping_address))
