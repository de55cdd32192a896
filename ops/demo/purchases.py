"""Demo, step 3: what one customer has bought so far, and which order a cancellation is about.

The file's cancellations name no invoice, so the client finds one: the latest order of which nothing else than the
cancelled goods is left is cancelled whole; else the latest order that still holds all of them gets fewer.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ops.demo.invoices import Line

Priced = tuple[str, int]
"""A code and the price of one in pence: what tells one line of an order from another."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Cancel this order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Part:
    """Set the quantities of these lines of this order; 0 removes a line."""

    order_id: str
    left: tuple[tuple[Priced, int], ...]


class Purchases:
    """The orders of one customer that still hold something, as the customer's client remembers them."""

    def __init__(self) -> None:
        self._orders: dict[str, dict[Priced, int]] = {}

    def bought(self, order_id: str, lines: Iterable[Line]) -> None:
        """An order was created with these lines."""
        held: Counter[Priced] = Counter()
        for line in lines:
            held[line.code, line.pence] += line.quantity
        self._orders[order_id] = dict(held)

    def find(self, cancelled: Iterable[Line]) -> Whole | Part | None:
        """What a cancellation asks for; None where no order covers it. Nothing is remembered yet."""
        returned = [(line.code, line.pence, -line.quantity) for line in cancelled]
        wanted: Counter[str] = Counter()
        for code, _, quantity in returned:
            wanted[code] += quantity
        if any(quantity <= 0 for _, _, quantity in returned):
            return None
        newest_first = list(reversed(self._orders.items()))
        for order_id, held in newest_first:
            if _by_code(held) == wanted:
                return Whole(order_id)
        for order_id, held in newest_first:
            if wanted <= _by_code(held):
                return Part(order_id, _left(held, returned))
        return None

    def settle(self, done: Whole | Part) -> None:
        """The shop has accepted what `find` asked for."""
        if isinstance(done, Whole):
            del self._orders[done.order_id]
            return
        held = self._orders[done.order_id]
        held.update(done.left)
        for line, quantity in done.left:
            if quantity == 0:
                del held[line]


def _by_code(held: dict[Priced, int]) -> Counter[str]:
    total: Counter[str] = Counter()
    for (code, _), quantity in held.items():
        total[code] += quantity
    return total


def _left(held: dict[Priced, int], returned: Iterable[tuple[str, int, int]]) -> tuple[tuple[Priced, int], ...]:
    """The lines that change: each return takes from the line at its own price first, then from the code's others."""
    left = dict(held)
    for code, pence, quantity in returned:
        same_code = [line for line in left if line[0] == code]
        for line in sorted(same_code, key=lambda line: line[1] != pence):
            taken = min(quantity, left[line])
            left[line] -= taken
            quantity -= taken
    return tuple((line, quantity) for line, quantity in left.items() if quantity != held[line])
