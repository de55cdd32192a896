"""Fulfilment demo, beside step 4: how many commands are open, channel by channel, until there are none."""

import asyncio
import time
from collections.abc import Callable, Sequence

from cqrs.admin.v1.commands_pb2 import ListQueuesRequest
from cqrs.admin.v1.views_pb2 import Queue

from ops.demo_fulfilment.client import ShopCommands
from ops.output import Output

CHANNELS = ("orders", "inventory", "payments", "shop", "notifications", "analytics")
"""The channels of what a placed order leads to, in the order in which it passes them."""
_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 10.0
_POLL_SECONDS = 0.1


class Queues:
    """The shop's queues in a running system."""

    def __init__(self, commands: ShopCommands) -> None:
        self._commands = commands

    async def in_hand(self) -> int:
        """How many commands a worker has just now."""
        return sum(queue.in_flight for queue in await self._asked())

    async def empty(self) -> None:
        """Return when nothing is ready, in hand or waiting for another attempt."""
        while True:
            if not any(map(_open, await self._asked())):
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def show(self, output: Output, so_far: Callable[[], str]) -> None:
        """A line now and then, each with `so_far`, until cancelled; often at first, when there is most to see."""
        begin, pause = time.monotonic(), _FIRST_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_SECONDS)
            queues = {queue.channel: queue for queue in await self._asked()}
            parts = [f"{name} {_spelled(queues[name])}" for name in CHANNELS if name in queues]
            output.line(f"{time.monotonic() - begin:5.1f} s: {so_far()}; open: {', '.join(parts)}")

    async def _asked(self) -> Sequence[Queue]:
        answer = await self._commands.ask(self._commands.admin.ListQueues, ListQueuesRequest())
        return [queue for queue in answer.queues if queue.channel in CHANNELS]


def _open(queue: Queue) -> int:
    return queue.ready + queue.in_flight + queue.waiting


def _spelled(queue: Queue) -> str:
    return f"{_open(queue)} ({queue.waiting} to be retried)" if queue.waiting else str(_open(queue))
