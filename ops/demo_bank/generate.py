"""Bank demo, step 0 without data: accounts and transfers from a seed, some of which no bank may carry out."""

import csv
import random
from collections.abc import Iterable
from pathlib import Path

SEED = 20101202
_NOBODY = "nobody"
Row = tuple[str, ...]


def generate(folder: Path, accounts: int = 400, transfers: int = 3_000, seed: int = SEED) -> None:
    """Write so many of both as CSV files: the same seed gives the same bytes."""
    chance = random.Random(seed)
    ids = [f"a{number:04d}" for number in range(accounts)]
    opened = ((each, f"Owner of {each}", *_beginning(chance, number)) for number, each in enumerate(ids))
    _write(folder / "generated_accounts.csv", ("account_id", "owner", "deposit", "overdraft_limit"), opened)
    moved = ((f"t{number:06d}", *_transfer(chance, ids)) for number in range(transfers))
    _write(folder / "generated_transfers.csv", ("transfer_id", "from_account", "to_account", "amount"), moved)


def _beginning(chance: random.Random, number: int) -> tuple[str, str]:
    """What an account begins with, and how far it may fall below zero: one in twenty is empty, one in four may."""
    deposit = 0 if number % 20 == 0 else chance.randint(5_000, 150_000)
    return _decimal(deposit), "250.00" if number % 4 == 0 else "0"


def _transfer(chance: random.Random, ids: list[str]) -> Row:
    """From, to, amount: one in a hundred is not to be carried out whatever the balances are."""
    payer, payee = chance.choice(ids), chance.choice(ids[: len(ids) // 8] if chance.randrange(3) == 0 else ids)
    odd = chance.randrange(400)
    if odd == 0:
        return payer, payer, "5.00"
    if odd == 1:
        return payer, payee, chance.choice(("0", "0.00", "-12.50"))
    if odd == 2:
        return _NOBODY, payee, "1.00"
    if odd == 3:
        return payer, _NOBODY, "1.5"
    return payer, payee, _decimal(int(chance.lognormvariate(9.0, 1.2)) + 1)


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _write(path: Path, columns: Row, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
