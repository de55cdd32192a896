"""A process manager of the tests' own over the shop's messages: an order that does not leave in time is cancelled.

It depends on the order of its inputs on purpose: an order that is shipped before it is known changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, TimerFired
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_PROCESSING

from command_service.decider import Aggregate
from command_service.process import NO_REACTION, Cause, Process, Reaction, Timer

SHIP, REMIND = "ship", "remind"


@dataclass(frozen=True)
class Delivery:
    """An order on its way."""

    open: bool = False
    over: bool = False
    reasons: tuple[str, ...] = ()


def evolve(state: Delivery, event: Any) -> Delivery:
    match event:
        case events.FulfilmentStarted():
            return replace(state, open=True)
        case events.FulfilmentTurnedBack():
            return replace(state, reasons=(*state.reasons, event.reason))
        case events.FulfilmentEnded():
            return replace(state, open=False, over=True)
    raise TypeError(f"a delivery has no {type(event).__name__}")


def _turned_back(order_id: str, reason: str) -> events.FulfilmentTurnedBack:
    return events.FulfilmentTurnedBack(order_id=order_id, reason=reason)


def instance(event: Any) -> str | None:
    """Orders of the category "else" are somebody else's."""
    return None if event.order_id.startswith("else") else event.order_id


def delivery(ship_seconds: float = 3600.0, category: str = "test.delivery") -> Process:
    """The process manager, with so long for an order to leave."""

    def react(event: Any, cause: Cause, state: Delivery) -> Reaction:
        match event:
            case events.OrderCreated() if not state.open and not state.over:
                return Reaction(
                    events=(events.FulfilmentStarted(order_id=event.order_id),),
                    commands=(
                        commands.UpdateOrderStatusRequest(order_id=event.order_id, status=ORDER_STATUS_PROCESSING),
                    ),
                    timers=(Timer(SHIP, ship_seconds), Timer(REMIND, ship_seconds / 2)),
                )
            case events.OrderShipped() if state.open:
                return Reaction(
                    events=(events.FulfilmentEnded(order_id=event.order_id),),
                    commands=(commands.CompleteOrderRequest(order_id=event.order_id),),
                    cancels=(SHIP, REMIND),
                )
            case events.OrderCancelled() if state.open:
                ended = events.FulfilmentEnded(order_id=event.order_id, cancelled=True)
                return Reaction(events=(ended,), cancels=(SHIP, REMIND))
            case TimerFired(name="ship"):
                request = commands.CancelOrderRequest(
                    order_id=event.process_instance, reason="It did not leave in time."
                )
                return Reaction(events=(_turned_back(event.process_instance, "late"),), commands=(request,))
            case TimerFired():
                return NO_REACTION
            case CommandRefused():
                return Reaction(events=(_turned_back(event.process_instance, event.refusal.reason),))
            case CommandFailed():
                return Reaction(events=(_turned_back(event.process_instance, event.error),))
        return NO_REACTION

    own = (events.FulfilmentStarted, events.FulfilmentTurnedBack, events.FulfilmentEnded)
    return Process(
        state=Aggregate(category, Delivery(), evolve, own),
        reacts_to=(events.OrderCreated, events.OrderShipped, events.OrderCancelled),
        instance=instance,
        react=react,
    )
