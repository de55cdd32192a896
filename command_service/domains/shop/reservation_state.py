"""Step 4: what an order has reserved, and what its events make of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never

from cqrs.shop.v1.events_pb2 import (
    InventoryUpdated,
    StockReservationCommitted,
    StockReservationExpired,
    StockReservationRejected,
    StockReservationReleased,
    StockReserved,
)
from cqrs.shop.v1.types_pb2 import StockLine
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.decider import Aggregate

ReservationEvent = (
    StockReserved
    | StockReservationReleased
    | StockReservationExpired
    | StockReservationCommitted
    | StockReservationRejected
    | InventoryUpdated
)

StockLines = tuple[tuple[str, int], ...]
"""SKU and quantity, by SKU, each once."""


class Stage(Enum):
    """How far a reservation has come; from `ENDED` it goes no further."""

    NONE = "none"
    HELD = "held"
    COMMITTED = "committed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an order has reserved; nothing at first."""

    stage: Stage = Stage.NONE
    lines: StockLines = ()
    expire_time: Timestamp | None = None
    """When it may be taken away; None is never."""

    def __str__(self) -> str:
        return f"Reservation(stage={self.stage.value}, lines={len(self.lines)})"


def lines_of(lines: Iterable[StockLine]) -> StockLines:
    """Lines of a message, by SKU, so that their order makes no difference."""
    return tuple(sorted((line.sku, line.quantity) for line in lines))


def evolve(reservation: Reservation, event: ReservationEvent) -> Reservation:
    """The reservation after the event."""
    match event:
        case StockReserved():
            expires = event.expire_time if event.HasField("expire_time") else None
            return Reservation(Stage.HELD, lines_of(event.lines), expires)
        case StockReservationCommitted() | InventoryUpdated():
            return Reservation(Stage.COMMITTED, lines_of(event.lines))
        case StockReservationReleased() | StockReservationExpired() | StockReservationRejected():
            return replace(reservation, stage=Stage.ENDED)
        case _:
            assert_never(event)


RESERVATION = Aggregate(
    category="shop.reservation",
    initial=Reservation(),
    evolve=evolve,
    events=(
        StockReserved,
        StockReservationReleased,
        StockReservationExpired,
        StockReservationCommitted,
        StockReservationRejected,
        InventoryUpdated,
    ),
)
