"""Step 4: the one payment of an order as its rules see it, and what its events make of it."""

from dataclasses import dataclass, replace
from typing import assert_never

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.events_pb2 import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
)
from cqrs.shop.v1.types_pb2 import (
    PAYMENT_STATUS_AUTHORIZED,
    PAYMENT_STATUS_CAPTURED,
    PAYMENT_STATUS_DECLINED,
    PAYMENT_STATUS_REFUNDED,
    PAYMENT_STATUS_UNSPECIFIED,
    PAYMENT_STATUS_VOIDED,
    PaymentStatus,
)

from command_service.decider import Aggregate

PaymentEvent = PaymentAuthorized | PaymentDeclined | PaymentCaptured | PaymentVoided | PaymentRefunded


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment; captured is at most authorised, refunded at most captured. Amounts are minor units of the currency."""

    status: PaymentStatus.ValueType = PAYMENT_STATUS_UNSPECIFIED
    currency: str = ""
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    token: str = ""
    reference: str = ""
    """The provider's own name for the authorisation."""

    def money(self, minor_units: int) -> Money:
        """An amount in the payment's currency."""
        return Money(minor_units=minor_units, currency_code=self.currency)

    def __str__(self) -> str:
        status = PaymentStatus.Name(self.status).removeprefix("PAYMENT_STATUS_").lower()
        return f"Payment(status={status}, captured={self.captured}, refunded={self.refunded})"


NO_PAYMENT = Payment()


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    """The payment after the event."""
    match event:
        case PaymentAuthorized():
            return Payment(
                status=PAYMENT_STATUS_AUTHORIZED,
                currency=event.amount.currency_code,
                authorized=event.amount.minor_units,
                token=event.payment.token,
                reference=event.provider_reference,
            )
        case PaymentDeclined():
            return Payment(status=PAYMENT_STATUS_DECLINED)
        case PaymentCaptured():
            return replace(payment, status=PAYMENT_STATUS_CAPTURED, captured=event.amount.minor_units)
        case PaymentVoided():
            return replace(payment, status=PAYMENT_STATUS_VOIDED)
        case PaymentRefunded():
            status = PAYMENT_STATUS_REFUNDED if event.complete else PAYMENT_STATUS_CAPTURED
            return replace(payment, status=status, refunded=event.refunded_amount.minor_units)
        case _:
            assert_never(event)


PAYMENT = Aggregate(
    category="shop.payment",
    initial=NO_PAYMENT,
    evolve=evolve,
    events=(PaymentAuthorized, PaymentDeclined, PaymentCaptured, PaymentVoided, PaymentRefunded),
)
