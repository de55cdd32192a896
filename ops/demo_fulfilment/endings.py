"""Fulfilment demo, beside step 4: which orders have come to their end, heard from the log as it is written."""

import asyncio
from collections.abc import Collection

import grpc
from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused
from cqrs.log.v1.log_service_pb2 import ReadLogRequest
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.events_pb2 import FulfilmentEnded

from ops.demo_fulfilment.client import ShopCommands
from runtime.upcast import decode

_TYPES = [each.DESCRIPTOR.full_name for each in (FulfilmentEnded, CommandRefused, CommandFailed)]
_PAUSE_SECONDS = 0.2


class Endings:
    """The orders whose fulfilment has ended, or whose place command came to nothing."""

    def __init__(self, commands: ShopCommands, after_position: int, orders: Collection[str]) -> None:
        """Of `orders`, by id, as the log after a position tells."""
        self._commands = commands
        self._position = after_position
        self._orders = orders
        self._places = {f"{order_id}-place": order_id for order_id in orders}
        self._news = asyncio.Condition()
        self.ended: set[str] = set()
        self.failed_commands = 0
        """Commands of the orders' fulfilment that failed for good; they are kept for an operator."""

    async def follow(self) -> None:
        """Read the log until cancelled; a server that goes away is asked again."""
        while True:
            request = ReadLogRequest(after_position=self._position, types=_TYPES)
            try:
                async for response in self._commands.log.ReadLog(request):
                    self._position = response.position
                    if response.record:
                        await self._note(Record.FromString(response.record))
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def reach(self, count: int) -> None:
        """Return when so many have ended."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.ended) >= count)

    async def refused(self, order_id: str) -> None:
        """An order was not even accepted."""
        await self._add(order_id)

    async def _note(self, record: Record) -> None:
        match decode(record):
            case FulfilmentEnded() as event if event.order_id in self._orders:
                await self._add(event.order_id)
            case CommandRefused() | CommandFailed() as event if event.command_id in self._places:
                await self._add(self._places[event.command_id])
            case CommandFailed() as event if event.process_instance in self._orders:
                self.failed_commands += 1

    async def _add(self, order_id: str) -> None:
        async with self._news:
            self.ended.add(order_id)
            self._news.notify_all()
