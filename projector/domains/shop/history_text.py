"""Step 8: an event of an order in a few words, without addresses, names, or how it is paid."""

from typing import Any

from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import FulfilmentStep, NotificationKind, OrderStatus


def text_of(event: Any) -> str:
    """What the event says beside its type, e.g. "pending to processing"; empty where the type says it all."""
    match event:
        case events.OrderCreated() | events.OrderItemsReplaced():
            return _counted(len(event.items), "line")
        case events.OrderItemAdded():
            return f"{event.item.quantity} of {event.item.product_id}"
        case events.OrderItemQuantityChanged():
            return f"{event.quantity} of {event.product_id}"
        case events.OrderItemRemoved():
            return str(event.product_id)
        case events.OrderStatusChanged():
            return f"{_status(event.previous_status)} to {_status(event.status)}"
        case events.OrderShipped():
            return f"tracking number {event.tracking_number}"
        case events.NotificationSent():
            return _spelled(NotificationKind.Name(event.kind), "NOTIFICATION_KIND_")
        case events.AnalyticsUpdated():
            return "taken off again" if event.retracted else "counted"
        case events.FulfilmentEnded():
            return "cancelled" if event.cancelled else "fulfilled"
        case _:
            return _of_step(event) or _of_stock(event) or _reason(event)


def _of_step(event: Any) -> str:
    match event:
        case events.FulfilmentStepTaken() | events.FulfilmentStepUndone():
            return _step(event.step)
        case events.FulfilmentTurnedBack():
            return f"{_step(event.step)}: {event.reason}"
        case _:
            return ""


def _of_stock(event: Any) -> str:
    match event:
        case (
            events.StockReserved()
            | events.StockReservationReleased()
            | events.StockReservationExpired()
            | events.StockReservationCommitted()
            | events.InventoryUpdated()
            | events.FulfilmentStarted()
            | events.ReservationWatched()
        ):
            return _counted(len(event.lines), "stock item")
        case _:
            return ""


def _reason(event: Any) -> str:
    match event:
        case events.OrderCancelled() | events.PaymentDeclined() | events.StockReservationRejected():
            return str(event.reason)
        case _:
            return ""


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _status(status: OrderStatus.ValueType) -> str:
    return _spelled(OrderStatus.Name(status), "ORDER_STATUS_")


def _step(step: FulfilmentStep.ValueType) -> str:
    return _spelled(FulfilmentStep.Name(step), "FULFILMENT_STEP_")


def _spelled(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("_", " ")
