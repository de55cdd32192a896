"""Step 8: orders to read, and the lists that they are found in: all, a customer's, a customer's of one status."""

from collections.abc import Iterable

from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_UNSPECIFIED, PAYMENT_STATUS_UNSPECIFIED, OrderStatus
from cqrs.shop.v1.views_pb2 import OrderPaymentView, OrderView
from google.protobuf.message import Message

from projector.domains.shop.order_view import ORDER_EVENTS, OrderEvent, change, create, paid
from projector.domains.shop.payments import PAYMENT_EVENTS, PaymentEvent, status_after
from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    order = ViewKey(OrderView, _key(fact.event))
    if isinstance(fact.event, events.OrderCreated | PaymentEvent):
        return (order, ViewKey(OrderPaymentView, _payment_key(fact.event)))
    return (order,)


def _apply(fact: Fact, views: Views) -> Changes:
    key = _key(fact.event)
    if isinstance(fact.event, events.OrderCreated):
        return _created(fact.event, fact, views)
    before: OrderView | None = views[key]
    if isinstance(fact.event, PaymentEvent):
        return _paid(fact.event, fact, views)
    if before is None:
        raise LookupError(
            f"{fact.record.type} at version {fact.record.version} of {key}, which has no view: it was never created"
        )
    order = change(before, fact.event, fact.record)
    return Changes(views={key: order}, indexes=tuple(_entries(order, before.status)))


def _created(event: events.OrderCreated, fact: Fact, views: Views) -> Changes:
    early: OrderPaymentView | None = views[_payment_key(event)]
    order = create(event, fact.record, fact.position)
    changed: dict[str, Message | None] = {_key(event): order}
    if early is not None:
        order.payment_status = early.status
        changed[_payment_key(event)] = None
    return Changes(changed, tuple(_entries(order, ORDER_STATUS_UNSPECIFIED)))


def _paid(event: PaymentEvent, fact: Fact, views: Views) -> Changes:
    """A payment may be made for an order that is not created yet: it is then kept until it is."""
    order: OrderView | None = views[_key(event)]
    if order is not None:
        return Changes(views={_key(event): paid(order, status_after(event, order.payment_status), fact.record)})
    early: OrderPaymentView | None = views[_payment_key(event)]
    status = status_after(event, PAYMENT_STATUS_UNSPECIFIED if early is None else early.status)
    return Changes(views={_payment_key(event): OrderPaymentView(order_id=event.order_id, status=status)})


def _key(event: OrderEvent | PaymentEvent) -> str:
    return f"order:{event.order_id}"


def _payment_key(event: events.OrderCreated | PaymentEvent) -> str:
    return f"payment:{event.order_id}"


def _entries(order: OrderView, status_before: OrderStatus.ValueType) -> Iterable[IndexEntry]:
    """What changes in the lists; the place in each is the order's creation, whenever it comes into it."""
    if order.status == status_before:
        return
    key, place = f"order:{order.order_id}", order.create_position
    customer = order.customer.customer_id
    if status_before == ORDER_STATUS_UNSPECIFIED:
        yield IndexEntry("orders", key, place)
        if customer:
            yield IndexEntry(f"customer:{customer}", key, place)
    elif customer:
        yield IndexEntry(_of_status(status_before, customer), key, None)
    if customer:
        yield IndexEntry(_of_status(order.status, customer), key, place)


def _of_status(status: OrderStatus.ValueType, customer: str) -> str:
    """The status comes first: a customer's id may hold anything, a colon and a status too."""
    return f"customer_status:{OrderStatus.Name(status).removeprefix('ORDER_STATUS_').lower()}:{customer}"


ORDERS = Projection(
    name="shop.orders",
    handles=(*ORDER_EVENTS, *PAYMENT_EVENTS),
    needs=_needs,
    apply=_apply,
)
