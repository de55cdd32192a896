"""Bank demo, step 5: what the files themselves say must have come out, by code that shares nothing with the bank's.

It reads the files again, one transfer after another, knows no message and no decider, and counts money in fractions.
The rules are those that the bank promises: of several that apply, the first counts.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from ops.demo_bank.layouts import Files

Row = dict[str, str]
_DOLLARS = "USD"


@dataclass(slots=True)
class Expected:
    """One pair of files, applied in file order."""

    balances: dict[str, Fraction] = field(default_factory=dict)
    """In dollars, by the file's account ids."""
    overdrafts: dict[str, Fraction] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Why, by the file's transfer ids."""
    deposited: Fraction = Fraction(0)
    transfers: int = 0


def fold(files: Files) -> Expected:
    """Every account's balance and every refusal once all transfers of the file are through."""
    expected, layout = Expected(), files.layout
    for row in _rows(files.accounts.name, files.accounts.read_bytes()):
        account = row["account_id"]
        limit = Fraction(row[layout.overdraft]) if layout.overdraft else Fraction(layout.overdraft_cents, 100)
        expected.balances[account] = Fraction(row[layout.deposit]) if layout.deposit else Fraction(0)
        expected.overdrafts[account] = limit
        expected.deposited += expected.balances[account]
    for row in _rows(files.transfers.name, files.transfers.read_bytes()):
        expected.transfers += 1
        apply(expected, row)
    return expected


def apply(expected: Expected, row: Row) -> None:
    """One row of a file of transfers: both balances change, or it is refused for one reason."""
    payer, payee, amount = row["from_account"], row["to_account"], Fraction(row["amount"])
    reason = _reason(expected, payer, payee, amount, row.get("currency") or _DOLLARS)
    if reason:
        expected.refused[row["transfer_id"]] = reason
        return
    expected.balances[payer] -= amount
    expected.balances[payee] += amount


def _reason(expected: Expected, payer: str, payee: str, amount: Fraction, currency: str) -> str:
    if payer == payee:
        return "ACCOUNTS_MUST_BE_DIFFERENT"
    if amount <= 0:
        return "AMOUNT_MUST_NOT_BE_ZERO"
    if payer not in expected.balances:
        return "DEBIT_ACCOUNT_NOT_FOUND"
    if payee not in expected.balances:
        return "CREDIT_ACCOUNT_NOT_FOUND"
    if currency != _DOLLARS:
        return "AMOUNT_MUST_HAVE_THE_SAME_LEDGER"
    if amount > expected.balances[payer] + expected.overdrafts[payer]:
        return "EXCEEDS_CREDITS"
    return ""


def _rows(name: str, content: bytes) -> Iterator[Row]:
    text = gzip.decompress(content) if name.endswith(".gz") else content
    return iter(csv.DictReader(io.StringIO(text.decode(), newline="")))
