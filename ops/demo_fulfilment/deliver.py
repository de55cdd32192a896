"""Fulfilment demo, step 4: place the orders, kill the worker twice on the way, wait until everything has ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ops.demo.client import CallRefused
from ops.demo_fulfilment.client import ShopCommands
from ops.demo_fulfilment.endings import Endings
from ops.demo_fulfilment.queues import Queues
from ops.demo_fulfilment.requests import Order
from ops.demo_fulfilment.worker import Worker
from ops.output import Output


@dataclass(frozen=True)
class Delivery:
    """One run's orders on their way."""

    orders: Sequence[Order]
    commands: ShopCommands
    worker: Worker
    endings: Endings
    output: Output

    async def deliver(self, wait_seconds: float) -> None:
        """Return when every order has ended and nothing is open, or after `wait_seconds`, saying what is left."""
        queues = Queues(self.commands)
        beside = (self.endings.follow(), queues.show(self.output, lambda: self._so_far))
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(each) for each in beside]
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._in_order(queues)
            except TimeoutError:
                self.output.line(f"After {wait_seconds:g} s {self._so_far}; see `obverse status`, `obverse queues`")
            finally:
                for task in running:
                    task.cancel()

    async def _in_order(self, queues: Queues) -> None:
        """The second half is placed while the worker is dead, and the second death comes in the midst of it."""
        count = len(self.orders)
        await self._place(self.orders[: count // 2])
        await self.endings.reach(count // 4)
        await self._kill(queues)
        await self._place(self.orders[count // 2 :])
        await self.endings.reach(count * 5 // 8)
        await self._kill(queues)
        await self.endings.reach(count)
        await queues.empty()

    async def _place(self, orders: Sequence[Order]) -> None:
        async with asyncio.TaskGroup() as group:
            for order in orders:
                group.create_task(self._order(order))
        self.output.line(f"{len(orders)} orders are accepted")

    async def _order(self, order: Order) -> None:
        try:
            await self.commands.command(self.commands.orders.PlaceOrder, order.place())
        except CallRefused as refused:
            self.output.line(f"{order.order_id} was refused: {refused}")
            await self.endings.refused(order.order_id)

    async def _kill(self, queues: Queues) -> None:
        in_hand = await queues.in_hand()
        pid = await self.worker.kill()
        self.output.line(f"Killed the worker, process {pid}, with {in_hand} commands in hand: {self._so_far}")

    @property
    def _so_far(self) -> str:
        return f"{len(self.endings.ended)} of {len(self.orders)} orders have ended"
