"""Demo, step 0 in a clone without data: invoices of the same shape as the real ones, from a seed."""

import csv
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ops.demo.invoices import COLUMNS

SEED = 20101201
_START = datetime(2010, 12, 1, 8, 26)
_GOODS = [(f"{20_000 + number}{'ABL'[number % 3] * (number % 4 == 0)}", number) for number in range(900)]
_KINDS = ("BOX, TIN", 'JAR "TEA"', "MUG")
_COUNTRIES = ("United Kingdom",) * 11 + ("EIRE", "Germany", "France")

_Line = tuple[str, str, int, str]
"""StockCode, Description, Quantity, UnitPrice."""


def generate(path: Path, invoices: int = 1_000, seed: int = SEED) -> None:
    """Write so many invoices as a CSV file: the same seed gives the same bytes."""
    chance = random.Random(seed)
    bought: dict[str, list[list[_Line]]] = {}
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number in range(invoices):
            prefix, customer, lines = _invoice(chance, bought)
            when = _START + timedelta(minutes=3 * number)
            country = chance.choice(_COUNTRIES)
            for place, (code, description, quantity, price) in enumerate(lines):
                moment = when + timedelta(minutes=place > 20 and number % 50 == 0)
                row = (f"{prefix}{536_365 + number}", code, description, quantity, moment.isoformat(), price)
                writer.writerow((*row, customer, country))


def _invoice(chance: random.Random, bought: dict[str, list[list[_Line]]]) -> tuple[str, str, list[_Line]]:
    """The number's prefix, the customer, the lines: four of 24 are cancellations, one a stock correction."""
    kind = chance.randrange(24)
    customer = str(12_346 + chance.randrange(350))
    if kind == 0:
        return "", "", [("85123A", "", -chance.randint(1, 200), "0.00")]
    if kind == 1:
        return "C", customer, [_line(chance, -chance.randint(500, 900))]
    if kind < 5 and bought:
        customer = chance.choice(sorted(bought))
        return "C", customer, list(_taken_back(chance, chance.choice(bought[customer])))
    lines = [_line(chance, chance.choice((1, 1, 2, 3, 6, 12, 24, 48))) for _ in range(_size(chance))]
    lines += [chance.choice(lines) for _ in range(len(lines) // 20)]
    if kind == 5:
        return "", "", lines
    bought.setdefault(customer, []).append(lines)
    return "", customer, lines


def _size(chance: random.Random) -> int:
    return min(600, 1 + int(chance.lognormvariate(2.3, 1.0)))


def _line(chance: random.Random, quantity: int) -> _Line:
    code, number = chance.choice(_GOODS)
    pence = (number * 37) % 1_200 + 19 - 6 * chance.randrange(2)
    price = "0.00" if chance.random() < 0.005 else f"{pence // 100}.{pence % 100:02d}"
    description = "" if chance.random() < 0.003 else f"{_KINDS[number % 3]} NO {number}"
    return code, description, quantity, price


def _taken_back(chance: random.Random, lines: list[_Line]) -> Iterator[_Line]:
    """The whole of an invoice, or some of its lines, of which some in part."""
    whole = chance.randrange(8) == 0
    for code, description, quantity, price in lines if whole else lines[: chance.randint(1, 3)]:
        yield code, description, -quantity if whole else -chance.randint(1, quantity), price
