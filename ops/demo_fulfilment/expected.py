"""Fulfilment demo, step 5: what must have come out, from the file and the cards alone.

It reads the file again, knows no message and no rule of the shop, and counts money in decimals.
"""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ops.demo.expected import ExpectedOrder, placed
from ops.demo_fulfilment.cards import DECLINED, TIMEOUT, card

CONFIRMED, CANCELLED = "confirmed", "cancelled"


@dataclass(slots=True)
class ExpectedDay:
    """How a day must end."""

    outcomes: dict[str, str] = field(default_factory=dict)
    """CONFIRMED or CANCELLED by invoice, in file order: cancelled are those whose card was declined or not answered."""
    totals: dict[str, Decimal] = field(default_factory=dict)
    """What each confirmed order's customer has paid, in pounds."""
    left: dict[str, int] = field(default_factory=dict)
    """How many of each code are left of as many as were ordered: those of the cancelled orders. None is reserved."""

    @property
    def captured(self) -> Decimal:
        """The sum of what was paid, in pounds."""
        return sum(self.totals.values(), Decimal(0))


def expect_day(path: Path) -> ExpectedDay:
    """What the file's busiest whole day must come to."""
    expected = ExpectedDay()
    for number, order in enumerate(_busiest(placed(path)), 1):
        is_cancelled = card(number) in (DECLINED, TIMEOUT)
        expected.outcomes[order.invoice] = CANCELLED if is_cancelled else CONFIRMED
        if not is_cancelled:
            expected.totals[order.invoice] = order.total
        for (code, _), quantity in order.quantities.items():
            expected.left[code] = expected.left.get(code, 0) + quantity * is_cancelled
    return expected


def _busiest(orders: list[ExpectedOrder]) -> list[ExpectedOrder]:
    """The earliest of the days with most orders; the last day only when there is no other."""
    per_day = Counter(order.when[:10] for order in orders)
    if len(per_day) > 1:
        del per_day[max(per_day)]
    day, _ = min(per_day.items(), key=lambda item: (-item[1], item[0]))
    return [order for order in orders if order.when.startswith(day)]
