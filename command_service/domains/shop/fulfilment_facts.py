"""Step 6: what a record of the log means to the fulfilment of its order."""

from typing import Any

from cqrs.shop.v1.events_pb2 import (
    FulfilmentStepTaken,
    FulfilmentStepUndone,
    OrderCancelled,
    OrderCreated,
    OrderStatusChanged,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    StockReservationCommitted,
    StockReservationExpired,
    StockReservationReleased,
    StockReserved,
)
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_SAGA,
    FULFILMENT_STEP_AUTHORIZE,
    FULFILMENT_STEP_CAPTURE,
    FULFILMENT_STEP_COMMIT,
    FULFILMENT_STEP_CONFIRM,
    FULFILMENT_STEP_RESERVE,
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_PROCESSING,
)

Fact = FulfilmentStepTaken | FulfilmentStepUndone

FOLLOWED = (
    OrderCreated,
    OrderStatusChanged,
    OrderCancelled,
    StockReserved,
    StockReservationReleased,
    StockReservationExpired,
    StockReservationCommitted,
    PaymentAuthorized,
    PaymentDeclined,
    PaymentCaptured,
    PaymentVoided,
    PaymentRefunded,
)
"""The events that a fulfilment follows."""

_DONE = {
    StockReserved: FULFILMENT_STEP_RESERVE,
    PaymentAuthorized: FULFILMENT_STEP_AUTHORIZE,
    PaymentCaptured: FULFILMENT_STEP_CAPTURE,
    StockReservationCommitted: FULFILMENT_STEP_COMMIT,
}
_UNDONE = {
    OrderCancelled: FULFILMENT_STEP_CONFIRM,
    StockReservationReleased: FULFILMENT_STEP_RESERVE,
    StockReservationExpired: FULFILMENT_STEP_RESERVE,
    PaymentVoided: FULFILMENT_STEP_AUTHORIZE,
}


def instance(event: Any) -> str | None:
    """The order that an event concerns; None for one that is created to be carried on otherwise."""
    if isinstance(event, OrderCreated) and event.fulfilment != FULFILMENT_SAGA:
        return None
    return str(event.order_id)


def fact_of(event: Any) -> Fact | None:
    """What an event says was done or taken back; None when it says neither."""
    kind = type(event)
    if kind in _DONE:
        return FulfilmentStepTaken(order_id=event.order_id, step=_DONE[kind])
    if kind in _UNDONE or (isinstance(event, PaymentRefunded) and event.complete):
        return FulfilmentStepUndone(order_id=event.order_id, step=_UNDONE.get(kind, FULFILMENT_STEP_AUTHORIZE))
    if not isinstance(event, OrderStatusChanged):
        return None
    if event.status == ORDER_STATUS_PROCESSING:
        return FulfilmentStepTaken(order_id=event.order_id, step=FULFILMENT_STEP_CONFIRM)
    if event.status == ORDER_STATUS_CANCELLED:
        return FulfilmentStepUndone(order_id=event.order_id, step=FULFILMENT_STEP_CONFIRM)
    return None
