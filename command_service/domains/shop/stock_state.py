"""Step 4: a stock item as its rules see it, and what its events make of it."""

from dataclasses import dataclass
from typing import assert_never

from cqrs.shop.v1.events_pb2 import (
    ReorderPointSet,
    StockAdjusted,
    StockAllocated,
    StockDeallocated,
    StockItemRegistered,
    StockReceived,
    StockReduced,
    StockReturned,
    StockRunLow,
)
from cqrs.shop.v1.types_pb2 import StockLevel

from command_service.decider import Aggregate

StockEvent = (
    StockItemRegistered
    | StockReceived
    | StockAdjusted
    | ReorderPointSet
    | StockAllocated
    | StockDeallocated
    | StockReduced
    | StockReturned
    | StockRunLow
)


@dataclass(frozen=True, slots=True)
class Stock:
    """A stock item; one that was never registered is not known. Reserved is at most on hand."""

    known: bool = False
    on_hand: int = 0
    reserved: int = 0
    reorder_point: int = 0
    registered: tuple[str, int, int] = ("", 0, 0)
    """Name, number on hand and reorder point that it was registered with."""

    @property
    def available(self) -> int:
        """How many can still be reserved."""
        return self.on_hand - self.reserved

    @property
    def low(self) -> bool:
        """Whether it has come down to its reorder point."""
        return self.known and self.available <= self.reorder_point and self.reorder_point > 0

    @property
    def level(self) -> StockLevel:
        """The numbers as events hold them."""
        return StockLevel(
            on_hand=self.on_hand,
            reserved=self.reserved,
            available=self.available,
            reorder_point=self.reorder_point,
        )


def evolve(stock: Stock, event: StockEvent) -> Stock:
    """The stock item after the event: every event says how much there is afterwards."""
    level = event.level
    registered = stock.registered
    match event:
        case StockItemRegistered():
            registered = (event.name, level.on_hand, level.reorder_point)
        case (
            StockReceived()
            | StockAdjusted()
            | ReorderPointSet()
            | StockAllocated()
            | StockDeallocated()
            | StockReduced()
            | StockReturned()
            | StockRunLow()
        ):
            pass
        case _:
            assert_never(event)
    return Stock(True, level.on_hand, level.reserved, level.reorder_point, registered)


STOCK = Aggregate(
    category="shop.stock",
    initial=Stock(),
    evolve=evolve,
    events=(
        StockItemRegistered,
        StockReceived,
        StockAdjusted,
        ReorderPointSet,
        StockAllocated,
        StockDeallocated,
        StockReduced,
        StockReturned,
        StockRunLow,
    ),
)
