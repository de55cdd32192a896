"""What must hold of a shop: stock that adds up and, once nothing is under way, nothing kept for ended orders."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cqrs.admin.v1 import events_pb2 as admin_events
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import events_pb2 as shop_events
from cqrs.shop.v1 import types_pb2 as types

from tests.lives import Lives
from tests.plain_orders import PAID

RESERVED = {
    "StockReserved": "held",
    "StockReservationCommitted": "left",
    "InventoryUpdated": "left",
    "StockReservationReleased": "given back",
    "StockReservationExpired": "given back",
    "StockReservationRejected": "given back",
}
KEPT = (types.PAYMENT_STATUS_AUTHORIZED, types.PAYMENT_STATUS_CAPTURED)


@dataclass
class Placed:
    """What is known of an order."""

    fulfilment: int = types.FULFILMENT_UNSPECIFIED
    status: int = types.ORDER_STATUS_UNSPECIFIED
    reservation: str = ""
    payment: int = types.PAYMENT_STATUS_UNSPECIFIED
    ended: bool | None = None
    """Whether its fulfilment's end was a cancellation; None before there is one."""


@dataclass
class Shop:
    """What is known of a shop."""

    orders: dict[str, Placed] = field(default_factory=dict)
    timers: set[tuple[str, str]] = field(default_factory=set)
    """Instance and name of the timers that are set."""
    lives: Lives = field(default_factory=Lives)


def faults_in_fulfilment(records: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    """Of a log's (position, record bytes), in order: stock at every event, orders at the end, when nothing is open.

    To be asked once process managers have caught up: an event that they have yet to react to does not show as open."""
    shop = Shop()
    for position, data in records:
        record = Record.FromString(data)
        list(shop.lives.faults(position, record))
        package, _, name = record.type.rpartition(".")
        if package == "cqrs.admin.v1" and name.startswith("Timer"):
            timer = getattr(admin_events, name).FromString(record.data)
            change = shop.timers.add if name == "TimerSet" else shop.timers.discard
            change((timer.process_instance, timer.name))
        if package == "cqrs.shop.v1":
            event = getattr(shop_events, name).FromString(record.data)
            yield from _stock_faults(position, event)
            if hasattr(event, "order_id"):
                _learn(shop.orders.setdefault(event.order_id, Placed()), name, event)
    if not shop.lives.open:
        under_way = {instance for instance, _ in shop.timers}
        for order_id in shop.orders.keys() - under_way:
            yield from (f"order {order_id} {fault}" for fault in _order_faults(shop.orders[order_id]))


def _stock_faults(position: int, event: Any) -> Iterator[str]:
    if not hasattr(event, "level"):
        return
    level = event.level
    if not 0 <= level.reserved <= level.on_hand or level.available != level.on_hand - level.reserved:
        yield f"stock {event.sku} does not add up at {position}: {str(level).split()}"


def _learn(order: Placed, name: str, event: Any) -> None:
    order.reservation = RESERVED.get(name, order.reservation)
    order.payment = PAID.get(name, order.payment)
    match name:
        case "OrderCreated":
            order.status, order.fulfilment = types.ORDER_STATUS_PENDING, event.fulfilment
        case "OrderStatusChanged":
            order.status = event.status
        case "OrderCompleted":
            order.status = types.ORDER_STATUS_COMPLETED
        case "OrderCancelled":
            order.status = types.ORDER_STATUS_CANCELLED
        case "PaymentRefunded" if event.complete:
            order.payment = types.PAYMENT_STATUS_REFUNDED
        case "FulfilmentEnded":
            order.ended = event.cancelled


def _order_faults(order: Placed) -> Iterator[str]:
    if order.fulfilment == types.FULFILMENT_UNSPECIFIED:
        return
    cancelled = order.status == types.ORDER_STATUS_CANCELLED
    if order.fulfilment == types.FULFILMENT_SAGA and order.ended is not cancelled:
        yield f"is {'' if cancelled else 'not '}cancelled, and its fulfilment has ended: {order.ended}"
    if cancelled and order.reservation in ("held", "left"):
        yield f"is cancelled, and its stock is {order.reservation}"
    if cancelled and order.payment in KEPT:
        yield f"is cancelled, and its payment is {types.PaymentStatus.Name(order.payment)}"  # type: ignore[arg-type]
    fulfilled = order.ended is False and not cancelled
    paid = order.payment in (types.PAYMENT_STATUS_CAPTURED, types.PAYMENT_STATUS_REFUNDED)
    if fulfilled and not (paid and order.reservation == "left"):
        yield f"is fulfilled, and its stock is {order.reservation or 'untouched'}, its payment {order.payment}"
