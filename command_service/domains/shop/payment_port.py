"""The port of payments: what an effect asks of a payment provider, and what it may answer."""

from dataclasses import dataclass
from typing import Protocol

from cqrs.common.v1.common_pb2 import Money


@dataclass(frozen=True, slots=True)
class Approved:
    """The provider did it."""

    reference: str
    """The provider's own name for what it did."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider will not do it; asking again under the same key gives the same answer."""

    reason: str
    """In words that a customer may read."""


Answer = Approved | Declined


class PaymentProvider(Protocol):
    """Holds, collects and pays back money. Each call carries an idempotency key: again under the same key it has no
    second effect and gives the same answer. Where no answer can be had every call raises Retry
    (command_service.decider): the provider is away, too slow, or out of order; it may have acted all the same.

    The order's id is our name for its payment at the provider, so that a payment can be called off of which no answer
    ever came.
    """

    async def authorize(self, order_id: str, token: str, amount: Money, key: str) -> Answer:
        """Hold an amount on what the token stands for; nothing is held any more once the order's payment was voided."""

    async def capture(self, order_id: str, reference: str, amount: Money, key: str) -> Answer:
        """Collect of what is held under a reference, at most all of it; the rest is held no longer."""

    async def void(self, order_id: str, key: str) -> Answer:
        """Call off whatever there is of the order's payment: what is held is let go, what was collected is paid back,
        and what is asked for later is declined. Approved also where there is nothing."""

    async def refund(self, order_id: str, reference: str, amount: Money, key: str) -> Answer:
        """Pay back of what was collected under a reference, at most all of it."""
