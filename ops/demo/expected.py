"""Demo, step 5: what the file itself says must have come out, by code that shares nothing with the client's.

It reads the file again, knows no message and no rule of the shop, and counts money in decimals.
"""

import csv
import gzip
import io
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

Row = dict[str, str]


@dataclass(slots=True)
class ExpectedOrder:
    """An order as the file leaves it."""

    invoice: str
    customer: str
    """The file's customer, or the invoice's own guest."""
    when: str
    """The first line's InvoiceDate."""
    quantities: dict[tuple[str, Decimal], int] = field(default_factory=dict)
    """By code and price, in the order of their coming."""
    cancelled: bool = False

    @property
    def total(self) -> Decimal:
        return sum((price * quantity for (_, price), quantity in self.quantities.items()), Decimal(0))


@dataclass(slots=True)
class Expected:
    """The whole file: every invoice counted once."""

    orders: list[ExpectedOrder] = field(default_factory=list)
    """In file order."""
    lines: int = 0
    """Lines of the file that are in orders."""
    cancelled: int = 0
    unmatched: int = 0
    refused: int = 0

    @property
    def invoices(self) -> int:
        return len(self.orders) + self.cancelled + self.unmatched + self.refused

    @property
    def revenue(self) -> Decimal:
        return sum((order.total for order in self.orders if not order.cancelled), Decimal(0))


def expect(path: Path) -> Expected:
    """What must be there when every invoice of the file has gone through."""
    expected = Expected()
    by_customer: dict[str, list[ExpectedOrder]] = defaultdict(list)
    for number, rows in _invoices(path).items():
        customer = rows[0]["CustomerID"] or f"guest-{number}"
        if number[0] == "C":
            matched = _take_back(by_customer[customer], rows)
            expected.cancelled += matched
            expected.unmatched += not matched
        elif _is_refused(rows):
            expected.refused += 1
        else:
            order = _order(number, customer, rows)
            by_customer[customer].append(order)
            expected.orders.append(order)
            expected.lines += len(rows)
    return expected


def placed(path: Path) -> list[ExpectedOrder]:
    """Every order of the file as it was placed, in file order, whatever was taken back of it later."""
    orders = ((number, rows) for number, rows in _invoices(path).items() if number[0] != "C" and not _is_refused(rows))
    return [_order(number, rows[0]["CustomerID"] or f"guest-{number}", rows) for number, rows in orders]


def _is_refused(rows: list[Row]) -> bool:
    return any(int(row["Quantity"]) < 1 or Decimal(row["UnitPrice"]) < 0 for row in rows)


def _invoices(path: Path) -> dict[str, list[Row]]:
    content = path.read_bytes()
    if path.name.endswith(".gz"):
        content = gzip.decompress(content)
    invoices: dict[str, list[Row]] = {}
    for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
        invoices.setdefault(row["InvoiceNo"], []).append(row)
    return invoices


def _order(number: str, customer: str, rows: list[Row]) -> ExpectedOrder:
    order = ExpectedOrder(number, customer, rows[0]["InvoiceDate"])
    for row in rows:
        line = row["StockCode"], Decimal(row["UnitPrice"])
        order.quantities[line] = order.quantities.get(line, 0) + int(row["Quantity"])
    return order


def _take_back(orders: list[ExpectedOrder], rows: list[Row]) -> bool:
    """Apply a cancellation to the customer's orders; False where none covers it."""
    if any(int(row["Quantity"]) > -1 for row in rows):
        return False
    back: dict[str, int] = defaultdict(int)
    for row in rows:
        back[row["StockCode"]] -= int(row["Quantity"])
    open_orders = [order for order in orders if not order.cancelled]
    equal = [order for order in open_orders if _counts(order) == back]
    if equal:
        equal[-1].cancelled = True
        return True
    covering = [order for order in open_orders if all(_counts(order).get(code, 0) >= n for code, n in back.items())]
    if not covering:
        return False
    for row in rows:
        _take_line(covering[-1], row["StockCode"], Decimal(row["UnitPrice"]), -int(row["Quantity"]))
    return True


def _counts(order: ExpectedOrder) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for (code, _), quantity in order.quantities.items():
        counts[code] += quantity
    return counts


def _take_line(order: ExpectedOrder, code: str, price: Decimal, quantity: int) -> None:
    """From the line at the same price as far as it goes, then from the code's other lines in order."""
    others = [line for line in order.quantities if line[0] == code and line[1] != price]
    for line in [(code, price), *others]:
        taken = min(quantity, order.quantities.get(line, 0))
        quantity -= taken
        if taken and order.quantities[line] == taken:
            del order.quantities[line]
        elif taken:
            order.quantities[line] -= taken
