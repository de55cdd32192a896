"""Step 8: everything that happened to an order, one view an event, in the order of the log.

An entry never grows and is never read again to be written, so that an order of a thousand lines costs one small write
an event. What its reservation did to each stock item is left to the stock items' views: it would be two entries a line,
and says nothing new.
"""

from typing import Any

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.views_pb2 import OrderHistoryEntry

from projector.domains.shop.history_text import text_of
from projector.domains.shop.order_view import ORDER_EVENTS
from projector.domains.shop.payments import PAYMENT_EVENTS
from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    return ()


def _apply(fact: Fact, views: Views) -> Changes:
    record, order_id = fact.record, fact.event.order_id
    entry = OrderHistoryEntry(
        order_id=order_id,
        position=fact.position,
        time=record.time,
        type=record.type,
        text=text_of(fact.event),
        stream=record.stream,
        version=record.version,
        actor=record.actor,
        correlation_id=record.correlation_id,
        amount=_amount(fact.event),
    )
    key = f"entry:{order_id}:{fact.position}"
    return Changes(views={key: entry}, indexes=(IndexEntry(f"order:{order_id}", key, fact.position),))


def _amount(event: Any) -> Money | None:
    for field in ("amount", "total_amount"):
        if field in event.DESCRIPTOR.fields_by_name and event.HasField(field):
            amount: Money = getattr(event, field)
            return amount
    return None


HISTORY = Projection(
    name="shop.history",
    handles=(
        events.CartCheckedOut,
        *ORDER_EVENTS,
        events.StockReserved,
        events.StockReservationReleased,
        events.StockReservationExpired,
        events.StockReservationCommitted,
        events.StockReservationRejected,
        events.InventoryUpdated,
        *PAYMENT_EVENTS,
        events.NotificationSent,
        events.AnalyticsUpdated,
        events.FulfilmentStarted,
        events.FulfilmentStepTaken,
        events.FulfilmentStepUndone,
        events.FulfilmentTurnedBack,
        events.FulfilmentResumed,
        events.FulfilmentEnded,
        events.ReservationWatched,
    ),
    needs=_needs,
    apply=_apply,
)
