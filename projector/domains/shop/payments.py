"""Step 8: payments to read, one view an order: it has one at a time, and a new try takes a declined one's place."""

from typing import assert_never

from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import (
    PAYMENT_STATUS_AUTHORIZED,
    PAYMENT_STATUS_CAPTURED,
    PAYMENT_STATUS_DECLINED,
    PAYMENT_STATUS_REFUNDED,
    PAYMENT_STATUS_VOIDED,
    PaymentStatus,
)
from cqrs.shop.v1.views_pb2 import PaymentView

from projector.projection import Changes, Fact, Projection, ViewKey, Views

PaymentEvent = (
    events.PaymentAuthorized
    | events.PaymentDeclined
    | events.PaymentCaptured
    | events.PaymentVoided
    | events.PaymentRefunded
)
PAYMENT_EVENTS = (
    events.PaymentAuthorized,
    events.PaymentDeclined,
    events.PaymentCaptured,
    events.PaymentVoided,
    events.PaymentRefunded,
)
"""Every event of a payment."""


def status_after(event: PaymentEvent, before: PaymentStatus.ValueType) -> PaymentStatus.ValueType:
    """How far the payment has come with this event; one that was declined stays that when it is called off as well."""
    match event:
        case events.PaymentAuthorized():
            return PAYMENT_STATUS_AUTHORIZED
        case events.PaymentDeclined():
            return PAYMENT_STATUS_DECLINED
        case events.PaymentCaptured():
            return PAYMENT_STATUS_CAPTURED
        case events.PaymentVoided():
            return before if before == PAYMENT_STATUS_DECLINED else PAYMENT_STATUS_VOIDED
        case events.PaymentRefunded():
            return PAYMENT_STATUS_REFUNDED if event.complete else PAYMENT_STATUS_CAPTURED
        case _:
            assert_never(event)


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    return (ViewKey(PaymentView, _key(fact.event)),)


def _apply(fact: Fact, views: Views) -> Changes:
    key = _key(fact.event)
    before: PaymentView | None = views[key]
    payment = PaymentView(order_id=fact.event.order_id, create_time=fact.record.time)
    if before is not None:
        payment.CopyFrom(before)
        payment.update_time.CopyFrom(fact.record.time)
    payment.status = status_after(fact.event, payment.status)
    _change(payment, fact.event)
    payment.version = fact.record.version
    return Changes(views={key: payment})


def _change(payment: PaymentView, event: PaymentEvent) -> None:
    match event:
        case events.PaymentAuthorized():
            _try(payment, event)
            payment.provider_reference, payment.decline_reason = event.provider_reference, ""
        case events.PaymentDeclined():
            _try(payment, event)
            payment.provider_reference, payment.decline_reason = "", event.reason
        case events.PaymentCaptured():
            payment.captured_amount.CopyFrom(event.amount)
        case events.PaymentVoided():
            pass
        case events.PaymentRefunded():
            payment.refunded_amount.CopyFrom(event.refunded_amount)
        case _:
            assert_never(event)


def _try(payment: PaymentView, event: events.PaymentAuthorized | events.PaymentDeclined) -> None:
    payment.amount.CopyFrom(event.amount)
    payment.last_four = event.payment.last_four


def _key(event: PaymentEvent) -> str:
    return f"payment:{event.order_id}"


PAYMENTS = Projection(name="shop.payments", handles=PAYMENT_EVENTS, needs=_needs, apply=_apply)
