"""Bank demo, step 2: read accounts and transfers, as the bank's clients would have them before them."""

import csv
import gzip
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ops.demo_bank.layouts import TRANSFER_COLUMNS, BankFileError, Files, Layout

CURRENCY = "USD"
_AMOUNT = re.compile(r"(-?)([0-9]{1,16})(?:\.([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the file begins with it."""

    account_id: str
    owner: str
    deposit: int
    """In cents."""
    overdraft: int
    """How far it may fall below zero, in cents."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer as it stands in the file, whatever the bank will say to it."""

    transfer_id: str
    payer: str
    payee: str
    cents: int
    currency: str


@dataclass(frozen=True, slots=True)
class Book:
    """The accounts and transfers of one pair of files, in file order."""

    name: str
    accounts: tuple[Account, ...]
    transfers: tuple[Transfer, ...]


def read_book(files: Files) -> Book:
    """Read a pair of CSV files, gzipped or not; raises BankFileError."""
    accounts = tuple(_accounts(files))
    transfers = tuple(_transfers(files))
    _once(files.accounts, "account", (account.account_id for account in accounts))
    _once(files.transfers, "transfer", (transfer.transfer_id for transfer in transfers))
    return Book(files.layout.name, accounts, transfers)


def cents(amount: str) -> int:
    """A decimal of at most two places, exactly; ValueError."""
    match = _AMOUNT.fullmatch(amount)
    if not match:
        raise ValueError(f"{amount!r} is no amount with at most two decimals")
    sign, whole, part = match.groups()
    return int(f"{sign}{whole}{(part or '').ljust(2, '0')}")


def _accounts(files: Files) -> Iterator[Account]:
    for place, row in _rows(files.accounts, files.layout.account_columns):
        with _at(place):
            yield _account(files.layout, row)


def _account(layout: Layout, row: dict[str, str]) -> Account:
    deposit = cents(row[layout.deposit]) if layout.deposit else 0
    overdraft = cents(row[layout.overdraft]) if layout.overdraft else layout.overdraft_cents
    if deposit < 0 or overdraft < 0:
        raise ValueError("an account begins with no less than nothing")
    account_id = _named(row, "account_id")
    return Account(account_id, row[layout.owner] or account_id, deposit, overdraft)


def _transfers(files: Files) -> Iterator[Transfer]:
    for place, row in _rows(files.transfers, TRANSFER_COLUMNS):
        with _at(place):
            transfer_id, payer, payee = (_named(row, column) for column in TRANSFER_COLUMNS[:3])
            yield Transfer(transfer_id, payer, payee, cents(row["amount"]), row.get("currency") or CURRENCY)


def _rows(path: Path, columns: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row with where it stands."""
    try:
        with _text(path) as text:
            reader = csv.DictReader(text, restval="")
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise BankFileError(f"{path} has no column {', '.join(missing)}: it needs {','.join(columns)}")
            for row in reader:
                yield f"{path}, line {reader.line_num}", row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BankFileError(f"{path} cannot be read: {error}") from error


def _named(row: dict[str, str], column: str) -> str:
    if not row[column]:
        raise ValueError(f"{column} is empty")
    return row[column]


@contextmanager
def _at(place: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise BankFileError(f"{place}: {error}") from error


def _once(path: Path, kind: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            raise BankFileError(f"{path} has {kind} {each} twice: an id names one {kind}")
        seen.add(each)


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            yield text
    else:
        with path.open(encoding="utf-8", newline="") as text:
            yield text
