"""A burst of commands while their channel stands still, then slow hands, and what becomes of all of them."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import grpc
import psutil
from cqrs.admin.v1.commands_pb2 import GetQueueRequest, PauseChannelRequest, ResumeChannelRequest
from cqrs.admin.v1.views_pb2 import Queue
from cqrs.shop.v1.commands_pb2 import CreateOrderRequest
from cqrs.shop.v1.events_pb2 import OrderCreated
from cqrs.shop.v1.types_pb2 import OrderItem
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ops.supervisor import System
from tests.asynchronous import Callers, History, calling, with_id
from tests.faults.figures import Figures
from tests.running import eur, until

CHANNEL = "orders"
ITEMS = [OrderItem(product_id="p", quantity=1, price=eur(100))]
CALLERS = 64
MEGABYTE = 1 << 20


class Burst:
    """So many commands at once, each one order on the channel `orders`."""

    def __init__(self, system: System, figures: Figures, name: str, count: int) -> None:
        self._system, self._figures, self._count = system, figures, count
        self._name = name
        self.acked: set[str] = set()
        self.rejected: set[str] = set()

    async def run(self, limit: int | None = None) -> None:
        """Accept at full speed while nothing is executed, then let it drain; past `limit` callers are turned away."""
        before = self._memory()
        async with calling(self._system) as callers:
            await callers.admin.PauseChannel(PauseChannelRequest(channel=CHANNEL, reason="burst"))
            began = time.monotonic()
            todo = iter(range(self._count))
            await asyncio.gather(*(self._caller(callers, todo) for _ in range(CALLERS)))
            accepting = time.monotonic() - began
            queue = await self._queue(callers)
            assert (queue.ready, queue.total) == (len(self.acked), len(self.acked))
            assert len(self.acked) == (self._count if limit is None else min(limit, self._count))
            loaded = self._memory()
            await callers.admin.ResumeChannel(ResumeChannelRequest(channel=CHANNEL))
            began = time.monotonic()
            falls = await self._drained(callers)
        draining = time.monotonic() - began
        after = self._memory()
        self._figures.acked = len(self.acked)
        self._figures.more = {
            "rejected": len(self.rejected),
            "accepted_per_s": round(len(self.acked) / accepting),
            "executed_per_s": round(len(self.acked) / draining),
            "largest_queue": queue.total,
            "seen_falling": falls,
            "rss_mb": {name: f"{before[name]}/{loaded[name]}/{after[name]}" for name in before},
        }
        # What waits is in the tables, not in the processes.
        grown = {name: max(loaded[name], after[name]) - before[name] for name in before}
        assert all(megabytes < 150 for megabytes in grown.values()), self._figures

    async def faults(self) -> list[str]:
        """Every accepted one has been executed once, and nothing has come of the others."""
        history = await History(self._system.command_address).read()
        created = Counter(each.order_id for each in history.of(OrderCreated))
        found = [f"lost: {each}" for each in self.acked if created[each] != 1]
        found += [f"twice: {each}" for each, times in created.items() if times > 1]
        found += [f"{each} was rejected and is done" for each in self.rejected if created[each]]
        found += [f"{each} was rejected and accepted" for each in self.rejected if f"c:{each}" in history.accepted]
        return [*found, *(f"lost: {each} is open" for each in history.open()), *history.repeated()]

    async def _caller(self, callers: Callers, todo: Iterator[int]) -> None:
        for number in todo:
            order_id = f"{self._name}-{number}"
            request = CreateOrderRequest(order_id=order_id, customer_id="burst", items=ITEMS)
            try:
                await callers.orders.CreateOrder(with_id(request, f"c:{order_id}"), timeout=30)
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                _says_when_to_come_back(error)
                self.rejected.add(order_id)
            else:
                self.acked.add(order_id)

    async def _drained(self, callers: Callers) -> int:
        """How many different lengths the queue was seen to have until it was empty."""
        seen: set[int] = set()

        async def empty() -> bool:
            total = (await self._queue(callers)).total
            assert not seen or total <= min(seen)
            seen.add(total)
            return total == 0

        await until(empty, 30 + self._count / 50)
        return len(seen)

    async def _queue(self, callers: Callers) -> Queue:
        return (await callers.admin.GetQueue(GetQueueRequest(channel=CHANNEL), timeout=10)).queue

    def _memory(self) -> dict[str, int]:
        """Resident memory in megabytes, children included."""
        found = {}
        for name in ("command_service", "worker"):
            process = psutil.Process(self._system.pid(name))
            everyone = [process, *process.children(recursive=True)]
            found[name] = sum(each.memory_info().rss for each in everyone) // MEGABYTE
        return found


def _says_when_to_come_back(error: grpc.aio.AioRpcError) -> None:
    trailing = dict(error.trailing_metadata() or ())
    details = Status.FromString(bytes(trailing["grpc-status-details-bin"])).details
    info, retry = ErrorInfo(), RetryInfo()
    assert details[0].Unpack(info)
    assert any(each.Unpack(retry) for each in details)
    assert retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9 > 0
