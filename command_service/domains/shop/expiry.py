"""Step 6: what takes away a reservation that was kept beyond its time; one without an end is not watched."""

from dataclasses import dataclass, replace
from typing import Any, assert_never

from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, TimerFired
from cqrs.shop.v1.events_pb2 import (
    ReservationWatched,
    StockReservationCommitted,
    StockReservationExpired,
    StockReservationReleased,
    StockReserved,
)
from cqrs.shop.v1.stock_commands_pb2 import ExpireReservationRequest
from cqrs.shop.v1.types_pb2 import StockLine

from command_service.decider import Aggregate
from command_service.process import NO_REACTION, Cause, Process, Reaction, Timer

EXPIRE = "expire"
AGAIN_SECONDS = 60.0
"""How long after a failure it is tried again, in seconds."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A reservation that expires."""

    order_id: str = ""
    """Empty while none is watched."""
    lines: tuple[StockLine, ...] = ()


def instance(event: Any) -> str | None:
    """The order whose reservation it is; None for one without an end."""
    if isinstance(event, StockReserved) and not event.HasField("expire_time"):
        return None
    return str(event.order_id)


def react(event: Any, cause: Cause, watched: Watched) -> Reaction:
    """A timer when it begins, ExpireReservation when that fires; nothing when it has ended before."""
    if isinstance(event, StockReserved):
        return NO_REACTION if watched.order_id else _watch(event, cause)
    if not watched.order_id:
        return NO_REACTION
    match event:
        case TimerFired():
            return Reaction(commands=(ExpireReservationRequest(order_id=watched.order_id, lines=watched.lines),))
        case CommandRefused() | CommandFailed():
            return Reaction(timers=(Timer(EXPIRE, AGAIN_SECONDS),))
        case StockReservationReleased() | StockReservationCommitted():
            return Reaction(cancels=(EXPIRE,))
        case StockReservationExpired():
            return NO_REACTION
        case _:
            assert_never(event)


def _watch(event: StockReserved, cause: Cause) -> Reaction:
    seconds = (event.expire_time.ToNanoseconds() - cause.time.ToNanoseconds()) / 1e9
    events = (ReservationWatched(order_id=event.order_id, lines=event.lines),)
    return Reaction(events=events, timers=(Timer(EXPIRE, max(seconds, 0.0)),))


def evolve(watched: Watched, event: ReservationWatched) -> Watched:
    """The reservation that is watched."""
    return replace(watched, order_id=event.order_id, lines=tuple(event.lines))


EXPIRIES = Process(
    state=Aggregate("shop.expiry", Watched(), evolve, (ReservationWatched,)),
    reacts_to=(StockReserved, StockReservationReleased, StockReservationExpired, StockReservationCommitted),
    instance=instance,
    react=react,
)
