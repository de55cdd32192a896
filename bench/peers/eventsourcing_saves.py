"""Alternative: the `eventsourcing` library, in process, on the same Postgres, without gRPC or read models."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event


class Order(Aggregate):
    """An order as the library's readers would write it."""

    @event("Created")
    def __init__(self, customer: str, items: list[dict[str, Any]], total: int) -> None:
        self.customer, self.items, self.total = customer, items, total

    @event("ItemAdded")
    def add(self, item: dict[str, Any]) -> None:
        """Add a line."""
        self.items.append(item)
        self.total += item["price"] * item["quantity"]


@dataclass(frozen=True)
class Saves:
    """What the library reached: new orders saved a second, and orders loaded, changed and saved a second."""

    per_second: float
    load_and_save_per_second: float
    threads: int


def run_saves(dsn: str, seconds: float, threads: int) -> Saves:
    """Both figures by so many threads, `seconds` for each of the two."""
    application = Application[UUID](_environment(dsn, threads))
    known: list[UUID] = []

    def create() -> None:
        order = Order("customer-1", [_item("85123A"), _item("71053")], 3564)
        application.save(order)
        known.append(order.id)

    created = _rate(create, seconds, threads)
    turns = cycle(known)

    def change() -> None:
        order: Order = application.repository.get(next(turns))
        order.add(_item("84406B"))
        application.save(order)

    changed = _rate(change, seconds, threads)
    application.close()
    return Saves(created, changed, threads)


def _rate(work: Callable[[], None], seconds: float, threads: int) -> float:
    started = time.perf_counter()

    def repeat() -> int:
        done = 0
        while time.perf_counter() - started < seconds:
            work()
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        counts = [future.result() for future in [pool.submit(repeat) for _ in range(threads)]]
    return sum(counts) / (time.perf_counter() - started)


def _item(product: str) -> dict[str, Any]:
    return {"product": product, "name": "White hanging heart t-light holder", "quantity": 6, "price": 255}


def _environment(dsn: str, threads: int) -> dict[str, str]:
    place = urlsplit(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": place.path.lstrip("/"),
        "POSTGRES_HOST": place.hostname or "127.0.0.1",
        "POSTGRES_PORT": str(place.port),
        "POSTGRES_USER": place.username or "",
        "POSTGRES_PASSWORD": place.password or "",
        "POSTGRES_POOL_SIZE": str(threads),
        "POSTGRES_MAX_OVERFLOW": str(threads),
    }
