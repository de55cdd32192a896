"""Step 6: how far the fulfilment of an order has come, and what its own events make of it."""

from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.events_pb2 import (
    FulfilmentEnded,
    FulfilmentResumed,
    FulfilmentStarted,
    FulfilmentStepTaken,
    FulfilmentStepUndone,
    FulfilmentTurnedBack,
)
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_STEP_AUTHORIZE,
    FULFILMENT_STEP_CAPTURE,
    FULFILMENT_STEP_COMMIT,
    FULFILMENT_STEP_CONFIRM,
    FULFILMENT_STEP_RESERVE,
    FulfilmentStep,
    PaymentMethod,
    StockLine,
)

from command_service.decider import Aggregate

Step: TypeAlias = FulfilmentStep.ValueType

FulfilmentEvent = (
    FulfilmentStarted
    | FulfilmentStepTaken
    | FulfilmentStepUndone
    | FulfilmentTurnedBack
    | FulfilmentResumed
    | FulfilmentEnded
)

STEPS = (
    FULFILMENT_STEP_RESERVE,
    FULFILMENT_STEP_AUTHORIZE,
    FULFILMENT_STEP_CONFIRM,
    FULFILMENT_STEP_CAPTURE,
    FULFILMENT_STEP_COMMIT,
)
"""The way forward."""

_STOCK = frozenset({FULFILMENT_STEP_RESERVE})
_STOCK_AND_PAYMENT = _STOCK | {FULFILMENT_STEP_AUTHORIZE}


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What is known of an order that was placed; facts are only ever added, so that their order makes no difference."""

    order_id: str = ""
    """Empty while nothing has started."""
    lines: tuple[StockLine, ...] = ()
    amount: Money | None = None
    payment: PaymentMethod | None = None
    taken: frozenset[Step] = frozenset()
    """The steps that were done."""
    undone: frozenset[Step] = frozenset()
    """RESERVE: the stock is given back; AUTHORIZE: nothing is held or collected; CONFIRM: the order is cancelled."""
    turned_back: bool = False
    """It failed, and its order is to be cancelled."""
    reason: str = ""
    """Why, as the order's cancellation says."""
    paying: bool = False
    """The provider was asked for something, or has done something."""
    completed: bool = False
    """Every step was taken, and the customer told."""
    ended: bool = False
    """Nothing is left to do."""

    @property
    def step(self) -> Step | None:
        """The step that is being taken; None after the last one."""
        return next((step for step in STEPS if step not in self.taken), None)

    @property
    def cancelled(self) -> bool:
        """Whether the order is cancelled, by us or by anybody else."""
        return FULFILMENT_STEP_CONFIRM in self.undone

    @property
    def to_undo(self) -> frozenset[Step]:
        """What is still to be taken back once the order is cancelled."""
        if not self.cancelled:
            return frozenset()
        return (_STOCK_AND_PAYMENT if self.paying else _STOCK) - self.undone

    def __str__(self) -> str:
        return f"Fulfilment(taken={len(self.taken)}, cancelled={self.cancelled}, ended={self.ended})"


def evolve(state: Fulfilment, event: FulfilmentEvent) -> Fulfilment:
    """The fulfilment after one of its own events."""
    match event:
        case FulfilmentStarted():
            return Fulfilment(event.order_id, tuple(event.lines), event.amount, event.payment)
        case FulfilmentStepTaken():
            return _taken(state, event.step)
        case FulfilmentStepUndone():
            return replace(state, undone=state.undone | {event.step})
        case FulfilmentTurnedBack():
            return replace(state, turned_back=True, reason=event.reason)
        case FulfilmentResumed():
            return replace(state, turned_back=False, reason="")
        case FulfilmentEnded():
            return replace(state, ended=True, completed=state.completed or not event.cancelled)
        case _:
            assert_never(event)


def _taken(state: Fulfilment, step: Step) -> Fulfilment:
    goes_on = not state.turned_back and not state.cancelled
    asks = step != FULFILMENT_STEP_RESERVE or goes_on  # the step after the reservation asks the provider
    return replace(state, taken=state.taken | {step}, paying=state.paying or asks)


FULFILMENT = Aggregate(
    category="shop.fulfilment",
    initial=Fulfilment(),
    evolve=evolve,
    events=(
        FulfilmentStarted,
        FulfilmentStepTaken,
        FulfilmentStepUndone,
        FulfilmentTurnedBack,
        FulfilmentResumed,
        FulfilmentEnded,
    ),
)
