"""Step 4: the plain variant: what follows an order's payment, and its cancellation, as independent commands."""

from cqrs.shop.v1.follow_up_commands_pb2 import SendOrderNotificationsRequest, UpdateAnalyticsRequest
from cqrs.shop.v1.payment_commands_pb2 import RefundPaymentRequest, VoidPaymentRequest
from cqrs.shop.v1.stock_commands_pb2 import ReleaseReservationRequest, UpdateInventoryRequest
from cqrs.shop.v1.types_pb2 import (
    NOTIFICATION_KIND_ORDER_CANCELLED,
    NOTIFICATION_KIND_ORDER_CONFIRMED,
    PAYMENT_STATUS_CAPTURED,
    NotificationKind,
)
from google.protobuf.message import Message

from command_service.domains.shop.order_state import Order
from command_service.domains.shop.payment_state import Payment


def paid(order_id: str, order: Order) -> tuple[Message, ...]:
    """What follows the payment: three commands, each of which fails and is tried again alone."""
    return (
        UpdateInventoryRequest(order_id=order_id, lines=order.stock_lines),
        _notify(order_id, NOTIFICATION_KIND_ORDER_CONFIRMED),
        UpdateAnalyticsRequest(order_id=order_id),
    )


def undone(order_id: str, order: Order, payment: Payment) -> tuple[Message, ...]:
    """What follows a cancellation. A payment that is still being made is called off or, once made, pays itself back."""
    captured = payment.status == PAYMENT_STATUS_CAPTURED
    return (
        RefundPaymentRequest(order_id=order_id) if captured else VoidPaymentRequest(order_id=order_id),
        ReleaseReservationRequest(order_id=order_id, lines=order.stock_lines),
        _notify(order_id, NOTIFICATION_KIND_ORDER_CANCELLED),
        UpdateAnalyticsRequest(order_id=order_id),
    )


def _notify(order_id: str, kind: NotificationKind.ValueType) -> SendOrderNotificationsRequest:
    return SendOrderNotificationsRequest(order_id=order_id, kind=kind)
