"""Demo, step 1: read a file of invoices, as the shop's clients would have it before them."""

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO

from ops.output import Trouble

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
"""The columns of a file, all of them needed, in any order."""


class InvoiceFileError(Trouble):
    """The file cannot be read as invoices; says where and why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands in the file, repeated codes and negative quantities included."""

    code: str
    description: str
    quantity: int
    pence: int
    """The price of one."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """The lines of one number, in file order."""

    number: str
    customer: str
    """Empty where the file names none."""
    country: str
    time: datetime
    """Of its first line: some invoices stretch over two minutes. The file's clock is taken as UTC."""
    lines: tuple[Line, ...]

    @property
    def is_cancellation(self) -> bool:
        """Its number begins with C."""
        return self.number.startswith("C")


def read_invoices(path: Path) -> list[Invoice]:
    """Every invoice of a CSV file, gzipped or not, in the order of their first lines; raises InvoiceFileError."""
    rows: dict[str, list[dict[str, str]]] = {}
    try:
        with _text(path) as text:
            reader = csv.DictReader(text)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise InvoiceFileError(f"{path} has no column {', '.join(missing)}: it needs {','.join(COLUMNS)}")
            for row in reader:
                rows.setdefault(row["InvoiceNo"], []).append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvoiceFileError(f"{path} cannot be read: {error}") from error
    return [_invoice(path, number, lines) for number, lines in rows.items()]


def _invoice(path: Path, number: str, rows: list[dict[str, str]]) -> Invoice:
    try:
        return Invoice(
            number=number,
            customer=rows[0]["CustomerID"],
            country=rows[0]["Country"],
            time=datetime.fromisoformat(rows[0]["InvoiceDate"]).replace(tzinfo=UTC),
            lines=tuple(_line(row) for row in rows),
        )
    except (ValueError, InvalidOperation, InvoiceFileError) as error:
        raise InvoiceFileError(f"{path}, invoice {number}: {error}") from error


def _line(row: dict[str, str]) -> Line:
    pence = Decimal(row["UnitPrice"]) * 100
    if pence != int(pence):
        raise InvoiceFileError(f"price {row['UnitPrice']} is no whole number of pence")
    return Line(row["StockCode"], row["Description"], int(row["Quantity"]), int(pence))


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            yield text
    else:
        with path.open(encoding="utf-8", newline="") as text:
            yield text
