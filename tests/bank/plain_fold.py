"""What a bank's history comes to, by code that knows no view and no state of the product: entries, added up."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from projector.projection import Fact


@dataclass(frozen=True)
class PlainEntry:
    """One entry of an account."""

    account: str
    currency: str
    change: int
    balance: int
    month: str
    position: int
    command: str


def plain_entries(facts: list[Fact]) -> list[PlainEntry]:
    """Every entry of every account, in order, with the balance that adding up gives."""
    balances: dict[str, int] = defaultdict(int)
    entries = []
    for fact in facts:
        event: Any = fact.event
        name = type(event).__name__
        if name not in ("MoneyDeposited", "MoneyWithdrawn", "AccountCredited", "AccountDebited"):
            continue
        change = event.amount.minor_units * (1 if name in ("MoneyDeposited", "AccountCredited") else -1)
        balances[event.account_id] += change
        month = datetime.fromtimestamp(fact.record.time.seconds, UTC).strftime("%Y-%m")
        entries.append(
            PlainEntry(
                event.account_id,
                event.amount.currency_code,
                change,
                balances[event.account_id],
                month,
                fact.position,
                fact.record.causation_id,
            )
        )
    return entries
