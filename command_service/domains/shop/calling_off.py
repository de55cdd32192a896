"""Steps 4 and 6: how the shop itself calls an order off, whoever carries it on."""

from cqrs.shop.v1.commands_pb2 import CancelOrderRequest

LONGEST_REASON = 1_000
"""Characters of a reason, at most; a provider's words may be longer."""


def to_cancel(order_id: str, reason: str) -> CancelOrderRequest:
    """The command that turns an order back; what was done for it follows once it is cancelled."""
    return CancelOrderRequest(order_id=order_id, reason=reason[:LONGEST_REASON])
