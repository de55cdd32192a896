"""Payments without a bank: the declared sandbox provider, which answers by the token and keeps exact books.

| token          | what happens                                                                                        |
|----------------|-----------------------------------------------------------------------------------------------------|
| `tok_ok`       | everything is approved                                                                              |
| `tok_declined` | the authorisation is declined                                                                       |
| `tok_timeout`  | the authorisation is made and its answer never comes; voiding the order's payment lets go of it     |
| `tok_flaky`    | each call fails twice, counted by its idempotency key in the books, and is then answered as tok_ok  |

Any other token is declined. The books are a file, so that restarts and several workers change nothing of that.
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from typing import Any

from cqrs.common.v1.common_pb2 import Money

from command_service.adapters.sandbox_store import Account, SandboxBooks
from command_service.decider import Retry
from command_service.domains.shop.payment_port import Answer, Approved, Declined

FAILURES = 2
"""How often `tok_flaky` fails under one key before it succeeds."""

_TOKENS = ("tok_ok", "tok_timeout", "tok_flaky")


class SandboxPayments:
    """A PaymentProvider that moves no money."""

    def __init__(self, path: str = ":memory:", timeout_seconds: float = 1.0) -> None:
        """`path` is the file of its books, which all workers share; `timeout_seconds` how long `tok_timeout` takes."""
        self._books = SandboxBooks(path)
        self._timeout_seconds = timeout_seconds

    def close(self) -> None:
        """Let go of the books' file."""
        self._books.close()

    def accounts(self) -> tuple[Account, ...]:
        """Every authorisation that was ever made, and what became of it."""
        return self._books.accounts()

    async def authorize(self, order_id: str, token: str, amount: Money, key: str) -> Answer:
        """Hold an amount, as the token says."""

        def hold(store: sqlite3.Connection) -> Answer:
            if token not in _TOKENS:
                return Declined("The card was declined" if token == "tok_declined" else "The token is not known")
            if store.execute("SELECT 1 FROM voided WHERE order_id = ?", (order_id,)).fetchone():
                return Declined("The payment was called off")
            reference = _reference(key)
            values = (reference, order_id, token, amount.currency_code, amount.minor_units)
            store.execute(
                "INSERT INTO payment (reference, order_id, token, currency, authorized) VALUES (?, ?, ?, ?, ?)", values
            )
            return Approved(reference)

        answer = await asyncio.to_thread(self._once, key, token, hold)
        if token == "tok_timeout":
            await asyncio.sleep(self._timeout_seconds)
            raise Retry("The payment provider did not answer in time")
        return answer

    async def capture(self, order_id: str, reference: str, amount: Money, key: str) -> Answer:
        """Collect of what is held."""

        def collect(store: sqlite3.Connection) -> Answer:
            collected = store.execute(
                "UPDATE payment SET captured = ?, held = 0"
                " WHERE reference = ? AND order_id = ? AND held AND currency = ? AND authorized >= ?",
                (amount.minor_units, reference, order_id, amount.currency_code, amount.minor_units),
            )
            return Approved(_reference(key)) if collected.rowcount else Declined("So much is not held")

        return await asyncio.to_thread(self._once, key, self._token(order_id), collect)

    async def void(self, order_id: str, key: str) -> Answer:
        """Let go of what is held, pay back what was collected, and decline what comes later."""

        def call_off(store: sqlite3.Connection) -> Answer:
            store.execute("INSERT OR IGNORE INTO voided VALUES (?)", (order_id,))
            store.execute("UPDATE payment SET held = 0, refunded = captured WHERE order_id = ?", (order_id,))
            return Approved(_reference(key))

        return await asyncio.to_thread(self._once, key, self._token(order_id), call_off)

    async def refund(self, order_id: str, reference: str, amount: Money, key: str) -> Answer:
        """Pay back of what was collected."""

        def pay_back(store: sqlite3.Connection) -> Answer:
            paid = store.execute(
                "UPDATE payment SET refunded = refunded + ?"
                " WHERE reference = ? AND order_id = ? AND currency = ? AND captured - refunded >= ?",
                (amount.minor_units, reference, order_id, amount.currency_code, amount.minor_units),
            )
            return Approved(_reference(key)) if paid.rowcount else Declined("So much was not collected")

        return await asyncio.to_thread(self._once, key, self._token(order_id), pay_back)

    def _token(self, order_id: str) -> str:
        with self._books.transaction() as store:
            row = store.execute("SELECT token FROM payment WHERE order_id = ? LIMIT 1", (order_id,)).fetchone()
        return str(row[0]) if row else ""

    def _once(self, key: str, token: str, act: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """The first answer under a key, whenever and by whichever process it is asked again; raises Retry."""
        with self._books.transaction() as store:
            failures = _fail(store, key) if token == "tok_flaky" else FAILURES + 1
            known = store.execute("SELECT approved, text FROM answer WHERE key = ?", (key,)).fetchone()
            answer = _answer(*known) if known else None
            if answer is None and failures > FAILURES:
                answer = act(store)
                text = answer.reference if isinstance(answer, Approved) else answer.reason
                store.execute("INSERT INTO answer VALUES (?, ?, ?)", (key, isinstance(answer, Approved), text))
        if answer is None:
            raise Retry(f"The payment provider is out of order, for the {failures}. time")
        return answer


def _fail(store: sqlite3.Connection, key: str) -> int:
    """Count another call under a key; how many there were."""
    counted: Any = store.execute(
        "INSERT INTO failure VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING times", (key,)
    ).fetchone()
    return int(counted[0])


def _answer(approved: int, text: str) -> Answer:
    return Approved(text) if approved else Declined(text)


def _reference(key: str) -> str:
    return f"sandbox_{hashlib.sha256(key.encode()).hexdigest()[:24]}"
