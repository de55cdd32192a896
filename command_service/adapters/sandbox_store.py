"""The sandbox payment provider's books: one SQLite file, kept right by its transactions for any number of processes."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TABLES = Path(__file__).with_name("sandbox_payments.sql")


@dataclass(frozen=True, slots=True)
class Account:
    """One authorisation as the sandbox knows it; amounts are minor units of its currency."""

    reference: str
    order_id: str
    token: str
    currency: str
    authorized: int
    captured: int
    refunded: int
    held: int
    """1 until it is captured or voided, then 0."""


class SandboxBooks:
    """Everything that the sandbox has ever been asked and has done."""

    def __init__(self, path: str) -> None:
        """`path` is a file that any number of processes may share, or ":memory:"."""
        self._lock = threading.Lock()
        self._store = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._store.execute("PRAGMA journal_mode = WAL")
        self._store.execute("PRAGMA synchronous = NORMAL")
        self._store.executescript(_TABLES.read_text())

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._store.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is done inside, or nothing; one at a time over all processes."""
        with self._lock:
            self._store.execute("BEGIN IMMEDIATE")
            try:
                yield self._store
            except BaseException:
                self._store.execute("ROLLBACK")
                raise
            self._store.execute("COMMIT")

    def accounts(self) -> tuple[Account, ...]:
        """Every authorisation, by order and reference."""
        with self.transaction() as store:
            rows = store.execute(
                "SELECT reference, order_id, token, currency, authorized, captured, refunded, held FROM payment"
                " ORDER BY order_id, reference"
            ).fetchall()
        return tuple(Account(*row) for row in rows)
