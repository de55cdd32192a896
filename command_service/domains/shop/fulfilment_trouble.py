"""Step 6: what a fulfilment does when a command that it sent was refused or has failed."""

from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused
from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_ORDER_ALREADY_SHIPPED, SHOP_ERROR_STATUS_NOT_REACHABLE, ShopError
from cqrs.shop.v1.events_pb2 import FulfilmentEnded, FulfilmentResumed, FulfilmentTurnedBack
from cqrs.shop.v1.payment_commands_pb2 import VoidPaymentRequest
from cqrs.shop.v1.types_pb2 import FULFILMENT_STEP_CAPTURE, FULFILMENT_STEP_CONFIRM

from command_service.domains.shop import fulfilment_steps as steps
from command_service.domains.shop.calling_off import to_cancel
from command_service.domains.shop.fulfilment_state import Fulfilment, Step
from command_service.process import NO_REACTION, Reaction, Timer

AGAIN = "again"
"""The timer after which what could not be taken back is tried once more: as long as a step may take."""

_HAS_LEFT = frozenset(
    ShopError.Name(value).removeprefix("SHOP_ERROR_")
    for value in (SHOP_ERROR_ORDER_ALREADY_SHIPPED, SHOP_ERROR_STATUS_NOT_REACHABLE)
)
"""Why an order cannot be cancelled any more: it was shipped or completed."""


def turned_back(state: Fulfilment, step: Step, reason: str) -> Reaction:
    """A step has failed: the order is cancelled. One that is not being taken any more is passed over."""
    if state.step != step or state.turned_back or state.cancelled:
        return NO_REACTION
    return Reaction(
        events=(FulfilmentTurnedBack(order_id=state.order_id, step=step, reason=reason),),
        commands=(to_cancel(state.order_id, reason),),
        cancels=(steps.name(step),),
    )


def refused(event: CommandRefused, state: Fulfilment, step_seconds: float) -> Reaction:
    """Of a step: it has failed. Of a cancellation: the order has left, so its fulfilment goes on after a while."""
    if event.type in steps.DOES:
        return turned_back(state, steps.DOES[event.type], event.refusal.text or "Refused")
    if not _is_missing(event.type, state):
        return NO_REACTION
    if not state.cancelled and event.refusal.reason in _HAS_LEFT:
        return _resumed(state, step_seconds)
    return Reaction(timers=(Timer(AGAIN, step_seconds),))


def _resumed(state: Fulfilment, step_seconds: float) -> Reaction:
    resumed = FulfilmentResumed(order_id=state.order_id)
    if state.step is None:  # its last step was taken late
        ended = FulfilmentEnded(order_id=state.order_id)
        return Reaction(events=(resumed, ended), commands=steps.to_tell(state))
    return Reaction(events=(resumed,), timers=(Timer(AGAIN, step_seconds),))


def failed(event: CommandFailed, state: Fulfilment, step_seconds: float) -> Reaction:
    """Of a step: it has failed. Of what takes a step back: it is tried again after a while, until it is done."""
    if event.type in steps.DOES:
        step = steps.DOES[event.type]
        return turned_back(state, step, f"{steps.said(step)} failed")
    if not _is_missing(event.type, state):
        return NO_REACTION
    return Reaction(timers=(Timer(AGAIN, step_seconds),))


def _is_missing(type_name: str, state: Fulfilment) -> bool:
    """Whether what the command should have taken back is still there."""
    step = steps.UNDOES.get(type_name)
    if step == FULFILMENT_STEP_CONFIRM:
        return state.turned_back and not state.cancelled
    is_paid_back_instead = (
        type_name == VoidPaymentRequest.DESCRIPTOR.full_name and FULFILMENT_STEP_CAPTURE in state.taken
    )
    return step in state.to_undo and not is_paid_back_instead


def again(state: Fulfilment, step_seconds: float) -> Reaction:
    """Whatever is not done yet, once more."""
    if state.cancelled:
        return Reaction(commands=steps.to_take_back(state, state.to_undo))
    if state.turned_back:
        return Reaction(commands=(to_cancel(state.order_id, state.reason),))
    if state.step is None:
        return NO_REACTION
    timer = Timer(steps.name(state.step), step_seconds)
    return Reaction(commands=(steps.to_do(state, state.step),), timers=(timer,))
