"""Step 4: what must hold of a payment; each rule raises its refusal."""

from typing import NoReturn

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.errors_pb2 import (
    SHOP_ERROR_CAPTURE_TOO_LARGE,
    SHOP_ERROR_PAYMENT_ALREADY_ACTIVE,
    SHOP_ERROR_PAYMENT_ALREADY_CAPTURED,
    SHOP_ERROR_PAYMENT_CURRENCY_MISMATCH,
    SHOP_ERROR_PAYMENT_ENDED,
    SHOP_ERROR_PAYMENT_NOT_CAPTURED,
    SHOP_ERROR_PAYMENT_NOT_FOUND,
    SHOP_ERROR_PROVIDER_DECLINED,
    SHOP_ERROR_REFUND_TOO_LARGE,
)
from cqrs.shop.v1.types_pb2 import (
    PAYMENT_STATUS_AUTHORIZED,
    PAYMENT_STATUS_CAPTURED,
    PAYMENT_STATUS_DECLINED,
    PAYMENT_STATUS_REFUNDED,
    PAYMENT_STATUS_UNSPECIFIED,
    PAYMENT_STATUS_VOIDED,
)

from command_service.domains.money import spelled
from command_service.domains.shop.payment_port import Declined
from command_service.domains.shop.payment_state import Payment
from command_service.domains.shop.refusal import refuse

NOTHING_HELD = (PAYMENT_STATUS_UNSPECIFIED, PAYMENT_STATUS_DECLINED)
_OVER = (PAYMENT_STATUS_VOIDED, PAYMENT_STATUS_REFUNDED)


def may_begin(payment: Payment) -> None:
    """The order has no other payment, and none that has ended."""
    if payment.status in _OVER:
        raise refuse(SHOP_ERROR_PAYMENT_ENDED, "The order's payment was voided or paid back; it takes no other")
    if payment.status not in NOTHING_HELD:
        raise refuse(SHOP_ERROR_PAYMENT_ALREADY_ACTIVE, "The order has another payment already")


def may_capture(payment: Payment, wanted: Money) -> None:
    """The amount is held, and was not collected."""
    if payment.status in NOTHING_HELD:
        _not_found()
    if payment.status in _OVER:
        raise refuse(SHOP_ERROR_PAYMENT_ENDED, "The order's payment was voided or paid back")
    if payment.status == PAYMENT_STATUS_CAPTURED:
        text = f"The payment is captured already, {spelled(payment.money(payment.captured))} of it"
        raise refuse(SHOP_ERROR_PAYMENT_ALREADY_CAPTURED, text)
    _is_in_currency(payment, wanted)
    if wanted.minor_units > payment.authorized:
        text = f"Cannot capture {spelled(wanted)}: {spelled(payment.money(payment.authorized))} is authorised"
        raise refuse(SHOP_ERROR_CAPTURE_TOO_LARGE, text)


def may_void(payment: Payment) -> None:
    """It was not collected."""
    if payment.status == PAYMENT_STATUS_CAPTURED:
        raise refuse(SHOP_ERROR_PAYMENT_ALREADY_CAPTURED, "The payment is captured: refund it instead")


def may_refund(payment: Payment, wanted: Money) -> None:
    """So much was collected and not paid back."""
    if payment.status in NOTHING_HELD:
        _not_found()
    if payment.status in (PAYMENT_STATUS_AUTHORIZED, PAYMENT_STATUS_VOIDED):
        raise refuse(SHOP_ERROR_PAYMENT_NOT_CAPTURED, "The payment is not captured")
    _is_in_currency(payment, wanted)
    left = payment.captured - payment.refunded
    if wanted.minor_units > left:
        text = f"Cannot refund {spelled(wanted)}: {spelled(payment.money(left))} is left of what was captured"
        raise refuse(SHOP_ERROR_REFUND_TOO_LARGE, text)


def was_done(answer: object) -> None:
    """The provider did not decline what is asked of an authorised payment."""
    if isinstance(answer, Declined):
        raise refuse(SHOP_ERROR_PROVIDER_DECLINED, f"The payment provider declined: {answer.reason}")


def _is_in_currency(payment: Payment, wanted: Money) -> None:
    if wanted.currency_code != payment.currency:
        text = f"The payment is in {payment.currency}, not in {wanted.currency_code}"
        raise refuse(SHOP_ERROR_PAYMENT_CURRENCY_MISMATCH, text)


def _not_found() -> NoReturn:
    raise refuse(SHOP_ERROR_PAYMENT_NOT_FOUND, "The order has no authorised payment")
