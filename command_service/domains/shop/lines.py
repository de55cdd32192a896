"""Step 4: the lines of a cart or an order: quantities by item and price, in the order of their coming."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cqrs.common.v1.common_pb2 import Money


class Line(NamedTuple):
    """What tells one line from another: an item at a price."""

    item_id: str
    currency: str
    minor_units: int

    @property
    def price(self) -> Money:
        """The price of one."""
        return Money(minor_units=self.minor_units, currency_code=self.currency)


Lines = Mapping[Line, int]
"""Quantity by line; never changed in place."""


def line(item_id: str, price: Money) -> Line:
    """The line of an item at a price."""
    return Line(item_id, price.currency_code, price.minor_units)


def lines_of(lines: Lines, item_id: str, price: Money | None) -> tuple[Line, ...]:
    """The lines of an item: all of them, or the one at `price`; none where there is none."""
    if price is None:
        return tuple(each for each in lines if each.item_id == item_id)
    wanted = line(item_id, price)
    return (wanted,) if wanted in lines else ()


def with_more(lines: Lines, added: Line, quantity: int) -> Lines:
    """The lines after a quantity joined its line, or came as the last one."""
    return {**lines, added: lines.get(added, 0) + quantity}


def with_quantity(lines: Lines, changed: Line, quantity: int) -> Lines:
    """The lines after one of them got another quantity."""
    return {**lines, changed: quantity}


def without(lines: Lines, removed: Iterable[Line]) -> Lines:
    """The lines that stay."""
    gone = frozenset(removed)
    return {each: quantity for each, quantity in lines.items() if each not in gone}


def amount(lines: Lines, currency: str) -> int:
    """The exact sum of quantity times price of the lines in a currency, in minor units."""
    return sum(price * quantity for (_, priced_in, price), quantity in lines.items() if priced_in == currency)
