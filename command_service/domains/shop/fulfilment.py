"""Step 6: the fulfilment of a placed order: reserve, authorise, confirm, capture, commit, tell; and back on failure.

An order is turned back by cancelling it, and what was done for it is taken back because it is cancelled: so it makes no
difference who cancels it, and none is paid back that has left already. Releasing and voiding also close what was never
opened, so that nothing can be reserved or held for the order later, however late its answer comes.
"""

from typing import Any

from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, TimerFired
from cqrs.shop.v1.events_pb2 import (
    FulfilmentEnded,
    FulfilmentStarted,
    OrderCreated,
    PaymentDeclined,
)
from cqrs.shop.v1.types_pb2 import FULFILMENT_STEP_AUTHORIZE, FULFILMENT_STEP_CAPTURE
from google.protobuf.message import Message

from command_service.domains.shop import fulfilment_steps as steps
from command_service.domains.shop.fulfilment_facts import FOLLOWED, Fact, fact_of, instance
from command_service.domains.shop.fulfilment_state import FULFILMENT, STEPS, Fulfilment, Step, evolve
from command_service.domains.shop.fulfilment_trouble import AGAIN, again, failed, refused, turned_back
from command_service.domains.shop.order_state import of_items
from command_service.process import NO_REACTION, Cause, Process, Reaction, Timer

STEP_SECONDS = 900.0
"""How long a step may take, in seconds, where nothing else is set: its turn in a long queue, an operator's pause and a
provider's outage included, none of which is a reason to cancel. What has failed for good is known long before."""


def fulfilment(step_seconds: float = STEP_SECONDS) -> Process:
    """The process manager; a step that takes longer than `step_seconds` has failed."""

    def react_in_time(event: Any, cause: Cause, state: Fulfilment) -> Reaction:
        return react(step_seconds, event, cause, state)

    return Process(FULFILMENT, FOLLOWED, instance, react_in_time)


def react(step_seconds: float, event: Any, cause: Cause, state: Fulfilment) -> Reaction:
    """What an input leads to; one that says nothing new leads to nothing."""
    if isinstance(event, OrderCreated):
        return NO_REACTION if state.order_id else _start(event, step_seconds)
    if not state.order_id:
        return NO_REACTION
    match event:
        case TimerFired():
            return _woken(event.name, state, step_seconds)
        case CommandRefused():
            return refused(event, state, step_seconds)
        case CommandFailed():
            return failed(event, state, step_seconds)
        case PaymentDeclined():
            return turned_back(state, FULFILMENT_STEP_AUTHORIZE, f"Payment was declined: {event.reason}")
        case _:
            fact = fact_of(event)
            return NO_REACTION if fact is None else _learned(state, fact, step_seconds)


def _start(event: OrderCreated, step_seconds: float) -> Reaction:
    started = FulfilmentStarted(
        order_id=event.order_id,
        lines=of_items(event.items, event.total_amount.currency_code).stock_lines,
        amount=event.total_amount,
        payment=event.payment,
    )
    return _next(evolve(Fulfilment(), started), (started,), step_seconds)


def _learned(state: Fulfilment, fact: Fact, step_seconds: float) -> Reaction:
    after = evolve(state, fact)
    if after == state:
        return NO_REACTION
    if after.cancelled:
        return _going_back(state, after, fact)
    if after.turned_back or after.step == state.step:
        return Reaction(events=(fact,))
    return _next(after, (fact,), step_seconds, _timers_of(state))


def _next(after: Fulfilment, events: tuple[Message, ...], seconds: float, cancels: tuple[str, ...] = ()) -> Reaction:
    """On to the step that is due, or after the last one to the end."""
    step = after.step
    if step is None:
        ended = FulfilmentEnded(order_id=after.order_id)
        return Reaction(events=(*events, ended), commands=steps.to_tell(after), cancels=cancels)
    timer = Timer(steps.name(step), seconds)
    return Reaction(events, (steps.to_do(after, step),), (timer,), cancels)


def _going_back(before: Fulfilment, after: Fulfilment, fact: Fact) -> Reaction:
    """The order is cancelled: take back what there is, also what comes to light later, until nothing is left."""
    opened = after.to_undo - before.to_undo
    if FULFILMENT_STEP_CAPTURE in after.taken - before.taken:  # so calling it off will be refused: pay it back
        opened |= after.to_undo & {FULFILMENT_STEP_AUTHORIZE}
    told = () if before.cancelled else steps.to_tell(after)
    over = not after.to_undo and (bool(before.to_undo) or not before.cancelled)
    events: tuple[Message, ...] = (fact,)
    if over:
        events = (fact, FulfilmentEnded(order_id=after.order_id, cancelled=True))
    return Reaction(
        events=events,
        commands=(*steps.to_take_back(after, opened), *told),
        cancels=(AGAIN,) if over else _timers_of(before),
    )


def _timers_of(state: Fulfilment) -> tuple[str, ...]:
    """The timer of the step that is being taken; none when it has failed, or when all are done."""
    running = not state.turned_back and not state.cancelled and state.step is not None
    return (steps.name(state.step),) if running and state.step is not None else ()


def _woken(name: str, state: Fulfilment, step_seconds: float) -> Reaction:
    if name == AGAIN:
        return again(state, step_seconds)
    late: dict[str, Step] = {steps.name(step): step for step in STEPS}
    if name not in late:
        return NO_REACTION
    return turned_back(state, late[name], f"{steps.said(late[name])} timed out")
