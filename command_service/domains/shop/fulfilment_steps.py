"""Step 6: what each step of a fulfilment sends, what takes it back, and what is said when it fails."""

from collections.abc import Iterable

from cqrs.shop.v1.commands_pb2 import CancelOrderRequest, ConfirmOrderRequest
from cqrs.shop.v1.follow_up_commands_pb2 import SendOrderNotificationsRequest, UpdateAnalyticsRequest
from cqrs.shop.v1.payment_commands_pb2 import (
    AuthorizePaymentRequest,
    CapturePaymentRequest,
    RefundPaymentRequest,
    VoidPaymentRequest,
)
from cqrs.shop.v1.stock_commands_pb2 import CommitReservationRequest, ReleaseReservationRequest, ReserveStockRequest
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_STEP_AUTHORIZE,
    FULFILMENT_STEP_CAPTURE,
    FULFILMENT_STEP_COMMIT,
    FULFILMENT_STEP_CONFIRM,
    FULFILMENT_STEP_RESERVE,
    NOTIFICATION_KIND_ORDER_CANCELLED,
    NOTIFICATION_KIND_ORDER_CONFIRMED,
    FulfilmentStep,
)
from google.protobuf.message import Message

from command_service.domains.shop.fulfilment_state import Fulfilment, Step

DOES: dict[str, Step] = {
    ReserveStockRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_RESERVE,
    AuthorizePaymentRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_AUTHORIZE,
    ConfirmOrderRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_CONFIRM,
    CapturePaymentRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_CAPTURE,
    CommitReservationRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_COMMIT,
}
"""The step that a command takes, by the full name of its request."""

UNDOES: dict[str, Step] = {
    CancelOrderRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_CONFIRM,
    VoidPaymentRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_AUTHORIZE,
    RefundPaymentRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_AUTHORIZE,
    ReleaseReservationRequest.DESCRIPTOR.full_name: FULFILMENT_STEP_RESERVE,
}
"""The step that a command takes back."""

_SAID: dict[Step, str] = {
    FULFILMENT_STEP_RESERVE: "Reserving the stock",
    FULFILMENT_STEP_AUTHORIZE: "Authorising the payment",
    FULFILMENT_STEP_CONFIRM: "Confirming the order",
    FULFILMENT_STEP_CAPTURE: "Capturing the payment",
    FULFILMENT_STEP_COMMIT: "Taking the stock",
}


def name(step: Step) -> str:
    """The name of a step's timer, e.g. "reserve"."""
    return FulfilmentStep.Name(step).removeprefix("FULFILMENT_STEP_").lower()


def said(step: Step) -> str:
    """A step as a reason spells it, e.g. "Reserving the stock"."""
    return _SAID[step]


def to_do(state: Fulfilment, step: Step) -> Message:
    """The command that takes a step."""
    order_id = state.order_id
    match step:
        case FulfilmentStep.FULFILMENT_STEP_RESERVE:
            return ReserveStockRequest(order_id=order_id, lines=state.lines)
        case FulfilmentStep.FULFILMENT_STEP_AUTHORIZE:
            return AuthorizePaymentRequest(order_id=order_id, amount=state.amount, payment=state.payment)
        case FulfilmentStep.FULFILMENT_STEP_CONFIRM:
            return ConfirmOrderRequest(order_id=order_id)
        case FulfilmentStep.FULFILMENT_STEP_CAPTURE:
            return CapturePaymentRequest(order_id=order_id)
        case FulfilmentStep.FULFILMENT_STEP_COMMIT:
            return CommitReservationRequest(order_id=order_id, lines=state.lines)
        case _:
            raise ValueError(f"{step} is no step")


def to_take_back(state: Fulfilment, steps: Iterable[Step]) -> tuple[Message, ...]:
    """The commands that take steps back, the later ones first."""
    order_id = state.order_id
    wanted = frozenset(steps)
    commands: list[Message] = []
    if FULFILMENT_STEP_AUTHORIZE in wanted:
        captured = FULFILMENT_STEP_CAPTURE in state.taken
        commands.append(RefundPaymentRequest(order_id=order_id) if captured else VoidPaymentRequest(order_id=order_id))
    if FULFILMENT_STEP_RESERVE in wanted:
        commands.append(ReleaseReservationRequest(order_id=order_id, lines=state.lines))
    return tuple(commands)


def to_tell(state: Fulfilment) -> tuple[Message, ...]:
    """The commands that follow the last step, and the cancellation: the customer is told; what was counted is counted
    again as it is now."""
    kind = NOTIFICATION_KIND_ORDER_CANCELLED if state.cancelled else NOTIFICATION_KIND_ORDER_CONFIRMED
    tell = SendOrderNotificationsRequest(order_id=state.order_id, kind=kind)
    if state.cancelled and not state.completed:
        return (tell,)
    return (tell, UpdateAnalyticsRequest(order_id=state.order_id))
