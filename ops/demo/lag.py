"""Demo, beside step 4: how long after its receipt a command is visible, asked for with its token."""

import asyncio
import time

from cqrs.common.v1.common_pb2 import CommandReceipt, ReadConsistency
from cqrs.shop.v1.queries_pb2 import GetOrderRequest
from google.protobuf.duration_pb2 import Duration

from ops.demo.client import Shop

_MAX_WAIT = Duration(seconds=30)


class Lag:
    """Follows at most `per_second` of the orders created, from the receipt to the answer of a query with its token."""

    def __init__(self, queries: Shop, per_second: float = 50.0) -> None:
        self._queries = queries
        self._pause = 1.0 / per_second
        self._next = 0.0
        self._probes: set[asyncio.Task[None]] = set()
        self.milliseconds: list[float] = []

    def receipt(self, receipt: CommandReceipt) -> None:
        """An order was created just now."""
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + self._pause
            self._probes.add(asyncio.create_task(self._probe(receipt, now)))

    async def finish(self) -> None:
        """Wait for the probes under way; raises the error of one that failed."""
        await asyncio.gather(*self._probes)

    def percentile(self, percent: int) -> float:
        """In milliseconds; 0 where nothing was followed."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0

    async def _probe(self, receipt: CommandReceipt, since: float) -> None:
        consistency = ReadConsistency(at_least_token=receipt.token, max_wait=_MAX_WAIT)
        request = GetOrderRequest(consistency=consistency, order_id=receipt.aggregate_id)
        await self._queries.ask(self._queries.order_queries.GetOrder, request)
        self.milliseconds.append((time.perf_counter() - since) * 1_000)
