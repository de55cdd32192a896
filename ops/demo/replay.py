"""Demo, step 4: put every invoice through the shop: cart lines, order, empty cart; cancellations after their orders."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from ops.demo.client import CallRefused, Shop
from ops.demo.invoices import Invoice
from ops.demo.lag import Lag
from ops.demo.purchases import Purchases, Whole
from ops.demo.requests import Requests

_CUSTOMERS_AT_ONCE = 64


@dataclass
class Counts:
    """Where the invoices went; each is in exactly one of the first four."""

    orders: int = 0
    cancelled: int = 0
    """Cancellations that an order was found for."""
    unmatched: int = 0
    """Cancellations that no order covers."""
    refused: int = 0
    lines: int = 0
    """Lines of the file that are in orders."""
    refusals: Counter[str] = field(default_factory=Counter)
    """The shop's words for the refused ones, and how often."""


@dataclass
class Replay:
    """One run over a file's invoices."""

    run: str
    shop: Shop
    lag: Lag
    advance: Callable[[], None]
    """Told of every invoice that is through."""
    counts: Counts = field(default_factory=Counts)

    async def put_through(self, invoices: Iterable[Invoice]) -> Counts:
        """Many customers at once, those with most lines first, each one's invoices in file order."""
        by_customer: defaultdict[str, list[Requests]] = defaultdict(list)
        for invoice in invoices:
            requests = Requests(self.run, invoice)
            by_customer[requests.customer].append(requests)
        waiting = iter(
            sorted(by_customer.values(), key=lambda theirs: -sum(len(each.invoice.lines) for each in theirs))
        )
        async with asyncio.TaskGroup() as group:
            for _ in range(_CUSTOMERS_AT_ONCE):
                group.create_task(self._customers(waiting))
        await self.lag.finish()
        return self.counts

    async def _customers(self, waiting: Iterable[list[Requests]]) -> None:
        for theirs in waiting:
            purchases = Purchases()
            for requests in theirs:
                await self._invoice(requests, purchases)
                self.advance()

    async def _invoice(self, requests: Requests, purchases: Purchases) -> None:
        try:
            if requests.invoice.is_cancellation:
                await self._cancel(requests, purchases)
            else:
                await self._order(requests, purchases)
        except CallRefused as refused:
            self.counts.refused += 1
            self.counts.refusals[str(refused)] += 1

    async def _order(self, requests: Requests, purchases: Purchases) -> None:
        try:
            await _each(self.shop.command(self.shop.cart.AddItemToCart, add) for add in requests.adds())
            receipt = await self.shop.command(self.shop.order.CreateOrder, requests.create())
        finally:
            await self.shop.command(self.shop.cart.ClearCart, requests.clear())
        self.lag.receipt(receipt)
        purchases.bought(receipt.aggregate_id, requests.invoice.lines)
        self.counts.orders += 1
        self.counts.lines += len(requests.invoice.lines)

    async def _cancel(self, requests: Requests, purchases: Purchases) -> None:
        found = purchases.find(requests.invoice.lines)
        if found is None:
            self.counts.unmatched += 1
            return
        if isinstance(found, Whole):
            await self.shop.command(self.shop.order.CancelOrder, requests.cancel(found))
        else:
            changes = requests.changes(found)
            await _each(self.shop.command(self.shop.order.ChangeOrderItemQuantity, change) for change in changes)
        purchases.settle(found)
        self.counts.cancelled += 1


async def _each(calls: Iterable[Coroutine[Any, Any, object]]) -> None:
    """All at once; when every one is through, the first error of any is raised."""
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
