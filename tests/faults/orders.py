"""A seeded stream of placed orders, each placed again until it is accepted, and what must have become of them."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import grpc
from cqrs.admin.v1.events_pb2 import CommandAccepted, CommandFailed
from cqrs.common.v1.common_pb2 import CommandReceipt
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.commands_pb2 import PlaceOrderRequest
from cqrs.shop.v1.queries_pb2 import GetOrderRequest
from cqrs.shop.v1.stock_commands_pb2 import RegisterStockItemRequest
from cqrs.shop.v1.stock_queries_pb2 import GetStockRequest
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_PROCESSING, OrderItem, PaymentMethod

from ops.supervisor import System
from tests.asynchronous import Callers, History, calling, drained, mails, payments, with_id
from tests.running import eur, fresh, until

TOKENS = ("tok_ok",) * 6 + ("tok_flaky", "tok_flaky", "tok_declined", "tok_timeout")
AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)
PRICE = 250


@dataclass(frozen=True)
class Placed:
    """What was asked for."""

    token: str
    lines: tuple[tuple[str, int], ...]

    @property
    def amount(self) -> int:
        """What it costs, in cents."""
        return PRICE * sum(quantity for _, quantity in self.lines)


class Orders:
    """The load of one proof, with products of its own."""

    def __init__(self, system: System, name: str, on_hand: int = 10_000, tokens: tuple[str, ...] = TOKENS) -> None:
        self._system, self._name, self._on_hand, self._tokens = system, name, on_hand, tokens
        self.skus = [f"{name}-sku-{number}" for number in range(4)]
        self.acked: dict[str, CommandReceipt] = {}
        """Order → the receipt of its acceptance."""
        self.placed: dict[str, Placed] = {}
        self.wrong: list[str] = []
        self.mails = 0
        """Distinct ones."""
        self.mailed_again = 0
        """What a receiver got twice with one Message-ID: its sender died, or had no answer."""
        self.confirmed = self.cancelled = 0
        self._stopping = False
        self._placing = asyncio.Event()
        self._placing.set()
        self.history = History(system.command_address)

    async def register(self) -> None:
        """Have the products in stock."""
        async with calling(self._system) as callers:
            for sku in self.skus:
                await callers.stock.RegisterStockItem(RegisterStockItemRequest(sku=sku, on_hand=self._on_hand))

    async def place(self, count: int) -> None:
        """So many orders more, four at a time, each until it is accepted."""
        first = len(self.placed)
        async with calling(self._system) as callers:
            todo = iter(range(first, first + count))
            await asyncio.gather(*(self._client(callers, todo) for _ in range(4)))

    @asynccontextmanager
    async def running(self, pause_seconds: float = 0.02) -> AsyncIterator["Orders"]:
        """Orders are placed while the block runs."""
        await self.register()

        async def steadily(callers: Callers, numbers: Iterator[int]) -> None:
            for number in numbers:
                await self._placing.wait()
                if self._stopping:
                    return
                await self._place(callers, number)
                await asyncio.sleep(pause_seconds)

        async with calling(self._system) as callers:
            todo = iter(range(1_000_000))
            clients = [asyncio.create_task(steadily(callers, todo)) for _ in range(4)]
            try:
                yield self
            finally:
                self._stopping = True
                await asyncio.gather(*clients)

    async def answered(self, more: int, seconds: float = 30) -> None:
        """Return when so many more are acknowledged; TimeoutError when they are not in time."""
        goal = len(self.acked) + more
        async with asyncio.timeout(seconds):
            while len(self.acked) < goal:  # noqa: ASYNC110  # the clients need no event for it
                await asyncio.sleep(0.01)

    async def half_ended(self, seconds: float = 60) -> None:
        """Place no more until the fulfilment of half of the orders has ended; AssertionError when not in time."""
        goal = len(self.acked) // 2
        self._placing.clear()

        async def enough() -> bool:
            await self.history.read()
            return len(self._ended()) >= goal

        try:
            await until(enough, seconds)
        finally:
            self._placing.set()

    async def settled(self, seconds: float = 90) -> None:
        """Return when every order's fulfilment has ended and nothing is open; AssertionError when not in time."""

        async def all_ended() -> bool:
            await self.history.read()
            return self._ended() >= self.acked.keys()

        await until(all_ended, seconds)
        await drained(self._system, seconds)
        await self.history.read()

    async def faults(self) -> list[str]:
        """What is wrong once all has settled: outcomes, payments, stock and mails, each from its own source."""
        found = [f"lost: {each} has no outcome" for each in self.history.open()]
        found += [f"failed: {each}" for each in self._failed()]
        async with calling(self._system) as callers:
            await self._count_statuses(callers, found)
            found += await self._stock(callers)
        found += [*self._payments(), *self._mails(), *self._sent_twice(), *self.history.repeated(), *self.wrong]
        return found

    def _failed(self) -> Iterator[str]:
        """What failed otherwise than by a provider that never answers."""
        for each in self.history.of(CommandFailed):
            accepted = self.history.accepted[each.command_id]
            placed = self.placed.get(accepted.process_instance)  # none: of another load in this log
            unanswered = placed is None or placed.token == "tok_timeout"
            if not unanswered or not each.type.endswith("AuthorizePaymentRequest"):
                yield f"{each.type} of {accepted.process_instance}: {each.error}"

    async def _client(self, callers: Callers, numbers: Iterator[int]) -> None:
        for number in numbers:
            await self._place(callers, number)

    async def _place(self, callers: Callers, number: int) -> None:
        order_id = f"{self._name}-{number}"
        chance = random.Random(order_id)
        skus = sorted(chance.sample(self.skus, chance.randint(1, 3)))
        placed = Placed(chance.choice(self._tokens), tuple((sku, chance.randint(1, 3)) for sku in skus))
        self.placed[order_id] = placed
        items = [OrderItem(product_id=sku, quantity=quantity, price=eur(PRICE)) for sku, quantity in placed.lines]
        request = PlaceOrderRequest(order_id=order_id, user_id="load", customer_email="a@example.org", items=items)
        request.payment.CopyFrom(PaymentMethod(token=placed.token, last_four="4242"))
        while True:
            try:
                answer = await callers.orders.PlaceOrder(
                    with_id(request, f"place:{order_id}"), timeout=2, wait_for_ready=True
                )
            except grpc.aio.AioRpcError as error:
                if error.code() not in AGAIN:
                    self.wrong.append(f"{order_id}: {error.code()} {error.details()}")
                    return
                await asyncio.sleep(0.1)
            else:
                self.acked[order_id] = answer.receipt
                return

    def _ended(self) -> set[str]:
        ends = self.history.of(events.FulfilmentEnded)
        return {each.order_id for each in ends if each.order_id.startswith(f"{self._name}-")}

    async def _count_statuses(self, callers: Callers, found: list[str]) -> None:
        """Also puts down which are confirmed."""
        self._confirmed: set[str] = set()
        cancelled = {each.order_id for each in self.history.of(events.OrderCancelled)}
        last = CommandReceipt()
        last.token.position, last.token.epoch = self.history.position, next(iter(self.acked.values())).token.epoch
        for order_id in self.acked:
            asked = GetOrderRequest(order_id=order_id, consistency=fresh(last))
            status = (await callers.ask_orders.GetOrder(asked, timeout=15)).order.status
            if status == ORDER_STATUS_PROCESSING:
                self._confirmed.add(order_id)
            if status not in (ORDER_STATUS_PROCESSING, ORDER_STATUS_CANCELLED):
                found.append(f"{order_id} has status {status}")
            if (order_id in cancelled) != (status == ORDER_STATUS_CANCELLED):
                found.append(f"{order_id} has status {status}, the log says otherwise")
            if order_id in self._confirmed and self.placed[order_id].token in ("tok_declined", "tok_timeout"):
                found.append(f"{order_id} is confirmed with {self.placed[order_id].token}")
        self.confirmed, self.cancelled = len(self._confirmed), len(self.acked) - len(self._confirmed)

    async def _stock(self, callers: Callers) -> list[str]:
        sold: Counter[str] = Counter()
        for order_id in self._confirmed:
            for sku, quantity in self.placed[order_id].lines:
                sold[sku] += quantity
        found = []
        for sku in self.skus:
            level = (await callers.ask_stock.GetStock(GetStockRequest(sku=sku), timeout=5)).stock.level
            if (level.on_hand, level.reserved) != (self._on_hand - sold[sku], 0):
                found.append(f"{sku} has {level}, {sold[sku]} of {self._on_hand} are sold")
        return found

    def _payments(self) -> Iterator[str]:
        """No authorisation is open, a confirmed order is paid once and no other one is."""
        paid: Counter[str] = Counter()
        authorized: Counter[str] = Counter()
        for account in payments(self._system):
            if not account.order_id.startswith(f"{self._name}-"):
                continue
            authorized[account.order_id] += 1
            paid[account.order_id] += account.captured - account.refunded
            if account.held:
                yield f"an authorisation is open: {account}"
        for order_id, placed in self.placed.items():
            due = placed.amount if order_id in self._confirmed else 0
            if paid[order_id] != due:
                yield f"{order_id}: {paid[order_id]} paid, {due} due"
            if authorized[order_id] > 1:
                yield f"twice: {order_id} was authorised {authorized[order_id]} times"

    def _mails(self) -> Iterator[str]:
        """Each order has one mail, of the kind that is true."""
        start = f"<order/{quote(self._name, safe='')}-"
        came = {each: times for each, times in mails(self._system).items() if each.startswith(start)}
        self.mails, self.mailed_again = len(came), sum(came.values()) - len(came)
        wanted = set()
        for order_id in self.acked:
            kind = "confirmed" if order_id in self._confirmed else "cancelled"
            wanted.add(f"<order/{quote(order_id, safe='')}/{kind}@obverse>")
        yield from (f"lost: no mail {each}" for each in wanted - came.keys())
        told = Counter((each.order_id, each.kind) for each in self.history.of(events.NotificationSent))
        yield from (f"twice: {each} was noted {times} times" for each, times in told.items() if times > 1)
        cancelled_later = came.keys() - wanted
        yield from (f"a mail that is not true: {each}" for each in cancelled_later)

    def _sent_twice(self) -> Iterator[str]:
        """A process manager sends no command twice, and starts and ends each order once."""
        sent: Counter[tuple[str, str]] = Counter()
        for event in self.history.of(CommandAccepted):
            if event.process and event.process_instance.startswith(f"{self._name}-"):
                sent[(event.process_instance, event.type)] += 1
        yield from (f"twice: {each} was sent {times} times" for each, times in sent.items() if times > 1)
        started = Counter(each.order_id for each in self.history.of(events.FulfilmentStarted))
        yield from (f"twice: {each} was started {times} times" for each, times in started.items() if times > 1)
