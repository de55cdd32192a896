"""Step 4: the one payment of an order: which command leads to what, once the provider has answered."""

from typing import Any, assert_never

from cqrs.shop.v1.events_pb2 import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
)
from cqrs.shop.v1.payment_commands_pb2 import (
    AuthorizePaymentRequest,
    CapturePaymentRequest,
    ProcessPaymentRequest,
    RefundPaymentRequest,
    VoidPaymentRequest,
)
from cqrs.shop.v1.types_pb2 import (
    PAYMENT_STATUS_AUTHORIZED,
    PAYMENT_STATUS_CAPTURED,
    PAYMENT_STATUS_REFUNDED,
    PAYMENT_STATUS_VOIDED,
)

from command_service.decider import NEEDS_EFFECT, QUIET, Aggregate, Context, Decider, Decision, happened
from command_service.domains.shop import payment_rules as rules
from command_service.domains.shop.order_events import ORDER
from command_service.domains.shop.order_state import Order
from command_service.domains.shop.payment_effects import EFFECTS
from command_service.domains.shop.payment_plain import process
from command_service.domains.shop.payment_port import Declined
from command_service.domains.shop.payment_state import PAYMENT, Payment

PaymentCommand = (
    AuthorizePaymentRequest | CapturePaymentRequest | VoidPaymentRequest | RefundPaymentRequest | ProcessPaymentRequest
)


def decide(command: PaymentCommand, context: Context, payment: Payment, order: Order = ORDER.initial) -> Decision:
    """What the command leads to, before and after the provider was asked; raises Refused."""
    match command:
        case AuthorizePaymentRequest():
            return _authorize(command, context, payment)
        case CapturePaymentRequest():
            return _capture(command, context, payment)
        case VoidPaymentRequest():
            return _void(command, context, payment)
        case RefundPaymentRequest():
            return _refund(command, context, payment)
        case ProcessPaymentRequest():
            return process(command, context, payment, order)
        case _:
            assert_never(command)


def _authorize(command: AuthorizePaymentRequest, context: Context, payment: Payment) -> Decision:
    same = (payment.token, payment.money(payment.authorized)) == (command.payment.token, command.amount)
    if payment.status in (PAYMENT_STATUS_AUTHORIZED, PAYMENT_STATUS_CAPTURED) and same:
        return QUIET
    rules.may_begin(payment)
    answer = context.outcome
    if answer is None:
        return NEEDS_EFFECT
    order_id, amount, method = command.order_id, command.amount, command.payment
    if isinstance(answer, Declined):
        return happened(PaymentDeclined(order_id=order_id, amount=amount, payment=method, reason=answer.reason))
    reference = answer.reference
    return happened(PaymentAuthorized(order_id=order_id, amount=amount, payment=method, provider_reference=reference))


def _capture(command: CapturePaymentRequest, context: Context, payment: Payment) -> Decision:
    wanted = command.amount if command.HasField("amount") else payment.money(payment.authorized)
    if payment.status == PAYMENT_STATUS_CAPTURED and payment.captured == wanted.minor_units:
        return QUIET
    rules.may_capture(payment, wanted)
    if context.outcome is None:
        return NEEDS_EFFECT
    rules.was_done(context.outcome)
    reference = context.outcome.reference
    return happened(PaymentCaptured(order_id=command.order_id, amount=wanted, provider_reference=reference))


def _void(command: VoidPaymentRequest, context: Context, payment: Payment) -> Decision:
    if payment.status in (PAYMENT_STATUS_VOIDED, PAYMENT_STATUS_REFUNDED):
        return QUIET
    rules.may_void(payment)
    if context.outcome is None:
        return NEEDS_EFFECT
    rules.was_done(context.outcome)
    held = payment.money(payment.authorized) if payment.status == PAYMENT_STATUS_AUTHORIZED else None
    return happened(PaymentVoided(order_id=command.order_id, amount=held))


def _refund(command: RefundPaymentRequest, context: Context, payment: Payment) -> Decision:
    if payment.status == PAYMENT_STATUS_REFUNDED and not command.HasField("amount"):
        return QUIET
    left = payment.captured - payment.refunded
    wanted = command.amount if command.HasField("amount") else payment.money(left)
    rules.may_refund(payment, wanted)
    if context.outcome is None:
        return NEEDS_EFFECT
    rules.was_done(context.outcome)
    return happened(
        PaymentRefunded(
            order_id=command.order_id,
            amount=wanted,
            refunded_amount=payment.money(payment.refunded + wanted.minor_units),
            provider_reference=context.outcome.reference,
            complete=wanted.minor_units == left,
        )
    )


def _reads(command: Any, context: Context) -> tuple[tuple[Aggregate, str], ...]:
    payment = (PAYMENT, command.order_id)
    return (payment, (ORDER, command.order_id)) if isinstance(command, ProcessPaymentRequest) else (payment,)


PAYMENTS = Decider(
    service="cqrs.shop.v1.PaymentCommandService",
    reads=_reads,
    decide=decide,
    effects=EFFECTS,
)
