"""Step 6: what the payment commands do in the world: each asks the provider under a key made of the command's id."""

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.payment_commands_pb2 import (
    AuthorizePaymentRequest,
    CapturePaymentRequest,
    ProcessPaymentRequest,
    RefundPaymentRequest,
    VoidPaymentRequest,
)

from command_service.decider import Effect
from command_service.domains.shop.order_state import Order
from command_service.domains.shop.payment_port import Answer, Approved, Declined, PaymentProvider
from command_service.domains.shop.payment_state import Payment

PORT = "payments"
"""The name under which a worker holds its PaymentProvider."""


async def authorize(
    command: AuthorizePaymentRequest | ProcessPaymentRequest, provider: PaymentProvider, payment: Payment
) -> Answer:
    """Have the amount held."""
    key = f"{command.context.command_id}/authorize"
    return await provider.authorize(command.order_id, command.payment.token, command.amount, key)


async def capture(command: CapturePaymentRequest, provider: PaymentProvider, payment: Payment) -> Answer:
    """Collect what is asked for, or all that is held."""
    amount = command.amount if command.HasField("amount") else payment.money(payment.authorized)
    return await provider.capture(command.order_id, payment.reference, amount, f"{command.context.command_id}/capture")


async def void(command: VoidPaymentRequest, provider: PaymentProvider, payment: Payment) -> Answer:
    """Call the order's payment off, also one of which no answer came."""
    return await provider.void(command.order_id, f"{command.context.command_id}/void")


async def refund(command: RefundPaymentRequest, provider: PaymentProvider, payment: Payment) -> Answer:
    """Pay back what is asked for, or all that is left."""
    left = payment.money(payment.captured - payment.refunded)
    amount: Money = command.amount if command.HasField("amount") else left
    return await provider.refund(command.order_id, payment.reference, amount, f"{command.context.command_id}/refund")


async def process(command: ProcessPaymentRequest, provider: PaymentProvider, payment: Payment, order: Order) -> Answer:
    """Have the amount held and collect it; what is held is let go when it cannot be collected."""
    held = await authorize(command, provider, payment)
    if isinstance(held, Declined):
        return held
    command_id = command.context.command_id
    collected = await provider.capture(command.order_id, held.reference, command.amount, f"{command_id}/capture")
    if isinstance(collected, Declined):
        await provider.void(command.order_id, f"{command_id}/void")
        return collected
    return Approved(held.reference)


EFFECTS = {
    AuthorizePaymentRequest: Effect(PORT, authorize),
    CapturePaymentRequest: Effect(PORT, capture),
    VoidPaymentRequest: Effect(PORT, void),
    RefundPaymentRequest: Effect(PORT, refund),
    ProcessPaymentRequest: Effect(PORT, process),
}
