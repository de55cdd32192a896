"""Seeded traffic that writes down what it was told: answered, refused, unknown; and what it must never be told."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from cqrs.common.v1.common_pb2 import CommandContext, CommandReceipt
from cqrs.shop.v1 import commands_pb2 as shop
from cqrs.shop.v1.queries_pb2 import GetOrderRequest
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_PROCESSING, OrderItem

from tests.running import Commands, Queries, commands, eur, fresh, queries

CALL_SECONDS = 2.0
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)

Step = tuple[Callable[..., Awaitable[Any]], Any]
"""A call and its request."""


@dataclass
class Load:
    """Traffic of some callers, each with a connection of its own, until stopped."""

    command_address: str
    query_address: str
    seed: str
    """Also the beginning of every id, so one system sees no two loads of one seed."""
    acked: dict[str, CommandReceipt] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Stale reads, answers out of order, refusals that no rule explains."""
    read: int = 0
    stopping: bool = False
    patient: bool = False
    """Every caller asks again until it knows, whatever happens."""
    _highest: int = 0
    _last: tuple[str, CommandReceipt] | None = None

    @asynccontextmanager
    async def running(self, callers: int = 8, readers: int = 2) -> AsyncIterator["Load"]:
        """Traffic while the block runs; at its end every call under way is over."""
        tasks = [asyncio.create_task(self._caller(number)) for number in range(callers)]
        tasks += [asyncio.create_task(self._reader()) for _ in range(readers)]
        try:
            yield self
        finally:
            self.stopping = True
            await asyncio.gather(*tasks)

    async def answered(self, more: int) -> bool:
        """Whether so many more commands have been answered; AssertionError when they are not within 15 s."""
        goal = len(self.acked) + more
        async with asyncio.timeout(15):
            while len(self.acked) < goal:  # noqa: ASYNC110  # the callers need no event for it
                await asyncio.sleep(0.01)
        return True

    async def _caller(self, number: int) -> None:
        chance = random.Random(f"{self.seed}-{number}")
        # Half of the callers ask again until they know, as a careful client does; the others never learn.
        self_taught = self.patient or number % 2 == 0
        async with commands(self.command_address) as clients:
            for turn in range(1_000_000):
                for step, (call, request) in enumerate(_errand(clients, chance, f"{self.seed}-{number}-{turn}")):
                    if self.stopping or not await self._send(call, request, f"{number}-{turn}-{step}", self_taught):
                        break
                if self.stopping:
                    return

    async def _send(self, call: Callable[..., Awaitable[Any]], request: Any, key: str, again: bool) -> bool:
        command_id, before = f"{self.seed}:{key}", self._highest
        request.context.CopyFrom(CommandContext(command_id=command_id))
        while True:
            try:
                receipt = (await call(request, timeout=CALL_SECONDS, wait_for_ready=True)).receipt
            except grpc.aio.AioRpcError as error:
                if error.code() not in AWAY:
                    self.wrong.append(f"{command_id}: {error.code()} {error.details()}")
                    return False
                if not again:
                    self.unknown.append(command_id)
                    return False
                await asyncio.sleep(0.1)  # what the published policy waits
            else:
                self._note(command_id, request, receipt, before)
                return True

    def _note(self, command_id: str, request: Any, receipt: CommandReceipt, before: int) -> None:
        self.acked[command_id] = receipt
        if receipt.token.position <= before:
            self.wrong.append(f"{command_id} was sent after {before} was answered, and stands at {receipt.token}")
        self._highest = max(self._highest, receipt.token.position)
        if hasattr(request, "order_id"):
            self._last = (receipt.aggregate_id, receipt)

    async def _reader(self) -> None:
        async with queries(self.query_address) as clients:
            while not self.stopping:
                if self._last is None:
                    await asyncio.sleep(0.01)
                else:
                    await self._read_back(clients, *self._last)

    async def _read_back(self, clients: Queries, order_id: str, receipt: CommandReceipt) -> None:
        request = GetOrderRequest(order_id=order_id, consistency=fresh(receipt, 2))
        try:
            answer = await clients.orders.GetOrder(request, timeout=3, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            if error.code() not in AWAY:
                self.wrong.append(f"{order_id} after {receipt.token.position}: {error.code()} {error.details()}")
            await asyncio.sleep(0.1)
            return
        self.read += 1
        if answer.order.version < receipt.version or answer.metadata.as_of.position < receipt.token.position:
            self.wrong.append(f"stale: {order_id} at {answer.order.version}, written was {receipt.version}")


def _errand(clients: Commands, chance: random.Random, name: str) -> list[Step]:
    """What a customer does, in order; each command has one event."""
    item = OrderItem(product_id=f"p{chance.randrange(50)}", quantity=chance.randint(1, 9), price=eur(100))
    if chance.random() < 0.4:
        add = shop.AddItemToCartRequest(user_id=f"load-{chance.randrange(6)}", item_id=item.product_id, quantity=1)
        add.price.CopyFrom(eur(chance.choice((100, 250))))
        return [(clients.carts.AddItemToCart, add)]
    customer = f"load-{chance.randrange(5)}"
    more = shop.AddOrderItemRequest(order_id=name, product_id=f"q{chance.randrange(9)}", quantity=2)
    more.price.CopyFrom(eur(chance.randrange(1000)))
    status = shop.UpdateOrderStatusRequest(order_id=name, status=ORDER_STATUS_PROCESSING)
    ends: tuple[Step, ...] = (
        (clients.orders.CancelOrder, shop.CancelOrderRequest(order_id=name, reason="load")),
        (clients.orders.CompleteOrder, shop.CompleteOrderRequest(order_id=name)),
        (clients.orders.ShipOrder, shop.ShipOrderRequest(order_id=name, tracking_number="T")),
    )
    steps: list[Step] = [
        (clients.orders.CreateOrder, shop.CreateOrderRequest(order_id=name, customer_id=customer, items=[item])),
        (clients.orders.AddOrderItem, more),
        (clients.orders.UpdateOrderStatus, status),
        chance.choice(ends),
    ]
    return steps[: chance.randint(1, 4)]
