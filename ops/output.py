"""What the command line prints: lines and tables for people, or one JSON value a line for programs."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

_WIDEST = 10_000


class Trouble(Exception):
    """What a user can put right; the text says what happened, why, what to do."""


class Output:
    """Prints to standard output, each line at once."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True, markup=False, width=_WIDEST)

    def line(self, text: str) -> None:
        """One line of news."""
        if self.as_json:
            self.value({"message": text})
        else:
            print(text, flush=True)

    def value(self, value: object) -> None:
        """One JSON value on a line."""
        print(json.dumps(value), flush=True)

    def ready(self, addresses: dict[str, str], calls: Sequence[str]) -> None:
        """Where the running system is, and what to try."""
        if self.as_json:
            self.value({"ready": True, **addresses, "calls": list(calls)})
            return
        print(f"\nObverse runs: commands {addresses['commands']}, queries {addresses['queries']}")
        print(f"Mail is kept, not delivered: `obverse mail` shows it; its server is {addresses['mail']}")
        print(
            f"Data and logs in {addresses['data']}; Ctrl-C stops it. Create an order, get it, list orders; then stock"
        )
        print("a product and place an order on it, which the worker carries out and sends a mail about:\n")
        print("\n".join(calls), flush=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table for people; an empty cell for None. No cell is cut: what it names is there to be copied."""
        table = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*("" if cell is None else str(cell) for cell in row))
        self._console.print(table)


def fail(text: str) -> None:
    """Says what is wrong, on standard error."""
    print(text, file=sys.stderr, flush=True)
