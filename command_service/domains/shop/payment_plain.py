"""Step 4: ProcessPayment: hold and collect in one, and what follows for an order of the plain variant."""

from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_WRONG_MOMENT
from cqrs.shop.v1.events_pb2 import OrderStatusChanged, PaymentAuthorized, PaymentCaptured, PaymentDeclined
from cqrs.shop.v1.payment_commands_pb2 import ProcessPaymentRequest, RefundPaymentRequest
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_PLAIN,
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    PAYMENT_STATUS_CAPTURED,
    PAYMENT_STATUS_VOIDED,
)
from google.protobuf.message import Message

from command_service.decider import NEEDS_EFFECT, QUIET, Context, Decision, happened
from command_service.domains.shop import payment_rules as rules
from command_service.domains.shop import plain
from command_service.domains.shop.calling_off import to_cancel
from command_service.domains.shop.order_state import Order
from command_service.domains.shop.payment_port import Approved, Declined
from command_service.domains.shop.payment_state import Payment
from command_service.domains.shop.refusal import refuse
from runtime.refusals import Refused


def process(command: ProcessPaymentRequest, context: Context, payment: Payment, order: Order) -> Decision:
    """Held and collected, or declined."""
    asked = (PAYMENT_STATUS_CAPTURED, command.payment.token, command.amount)
    if (payment.status, payment.token, payment.money(payment.authorized)) == asked:
        return QUIET
    try:
        rules.may_begin(payment)
    except Refused as refused:
        if order.fulfilment != FULFILMENT_PLAIN or not _never_paid(payment, order):
            raise
        return happened(commands=(to_cancel(command.order_id, refused.text),))  # nobody else would ever end it
    answer = context.outcome
    if answer is None:
        if order.status == ORDER_STATUS_CANCELLED:
            raise refuse(SHOP_ERROR_WRONG_MOMENT, "The order is cancelled: nothing is to be paid")
        return NEEDS_EFFECT
    if isinstance(answer, Declined):
        return _declined(command, answer, order)
    return _collected(command, answer, order)


def _never_paid(payment: Payment, order: Order) -> bool:
    """Whether an order that is still to be paid cannot be any more."""
    voided = payment.status == PAYMENT_STATUS_VOIDED and order.status == ORDER_STATUS_PROCESSING
    return voided or order.status == ORDER_STATUS_PENDING


def _declined(command: ProcessPaymentRequest, answer: Declined, order: Order) -> Decision:
    event = PaymentDeclined(
        order_id=command.order_id, amount=command.amount, payment=command.payment, reason=answer.reason
    )
    if order.fulfilment != FULFILMENT_PLAIN or order.status == ORDER_STATUS_CANCELLED:
        return happened(event)
    return happened(event, commands=(to_cancel(command.order_id, f"Payment was declined: {answer.reason}"),))


def _collected(command: ProcessPaymentRequest, answer: Approved, order: Order) -> Decision:
    order_id, amount, reference = command.order_id, command.amount, answer.reference
    held = PaymentAuthorized(order_id=order_id, amount=amount, payment=command.payment, provider_reference=reference)
    collected = (held, PaymentCaptured(order_id=order_id, amount=amount, provider_reference=reference))
    if order.fulfilment != FULFILMENT_PLAIN:
        return happened(*collected)
    if order.status == ORDER_STATUS_CANCELLED:  # while the provider was being asked
        return happened(*collected, commands=(RefundPaymentRequest(order_id=order_id),))
    return Decision(events=(collected, _moved_on(order_id, order)), commands=plain.paid(order_id, order))


def _moved_on(order_id: str, order: Order) -> tuple[Message, ...]:
    if order.status != ORDER_STATUS_PENDING:
        return ()
    return (OrderStatusChanged(order_id=order_id, previous_status=order.status, status=ORDER_STATUS_PROCESSING),)
