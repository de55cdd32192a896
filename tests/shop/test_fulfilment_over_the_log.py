"""The shop's fulfilment over a log, a worker's executor and the runner of process managers: nothing is acted out."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from cqrs.log.v1.record_pb2 import Record

from command_service.adapters.memory_mail import MemoryMailer
from command_service.adapters.sandbox_payments import SandboxPayments
from command_service.catalogue import Catalogue
from command_service.channels import Channels
from command_service.command import Command
from command_service.deciders import CONTRACTS, deciders
from command_service.domains.shop import Variant
from command_service.endings import Ended, PutOff
from command_service.execute import Executor
from command_service.handle import Handler
from command_service.memory_event_log import MemoryEventLog
from command_service.memory_work import MemoryWork
from command_service.processes import processes
from command_service.states import States
from runtime.call import Call
from runtime.ending import ended
from tests.processes.world import records, runner, running, until
from tests.shop.fulfilment_messages import EMAIL, place, register
from tests.shop.messages import item

CHANNELS = Channels.parse("payments:first=0.01,longest=0.02,attempts=6")


class Shop:
    """A command server, a worker and its process managers on one log in memory."""

    def __init__(self, variant: Variant) -> None:
        self.log = MemoryEventLog()
        self.work = MemoryWork(self.log)
        self.catalogue = Catalogue(CONTRACTS, deciders(variant))
        self.payments, self.mail = SandboxPayments(timeout_seconds=0), MemoryMailer()
        self.handler = Handler(self.log, States(self.log, 1_000), self.catalogue, CHANNELS, 10)
        ports = {"payments": self.payments, "mail": self.mail}
        self.executor = Executor(self.log, self.handler, self.catalogue, CHANNELS, ports)
        self.variant = variant

    async def handle(self, request: Any) -> Any:
        rpc = self.catalogue.of_request(request)
        assert rpc is not None
        return await self.handler.handle(Command.accept(rpc, request, Call(rpc.name, "", math.inf, "")))

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Carry out what is accepted, and follow what happens, while the block runs."""
        async with AsyncExitStack() as stack:
            for process in processes(self.variant, 60):
                await stack.enter_async_context(running(runner(process, self.log, self.work, self.catalogue)))
            tasks = [asyncio.create_task(self._lane(channel)) for channel in self.catalogue.channels]
            try:
                yield
            finally:
                for task in tasks:
                    await ended(task)

    async def _lane(self, channel: str) -> None:
        while True:
            for claim in await self.work.claim(channel, 10, "w", 30):
                done: Ended | PutOff = await self.executor.execute(claim)
                if isinstance(done, PutOff):
                    await self.work.put_off(claim, done.seconds, done.error)
            await self.work.wait(0.02)

    async def names_of(self, stream: str) -> list[str]:
        return [record.type.rpartition(".")[2] for record, _ in await records(self.log, stream)]


# promise 000-41, 000-42, 000-26
@pytest.mark.parametrize("variant", ["saga", "plain"])
async def test_orders_of_every_card_come_to_their_end_over_the_log(variant: Variant) -> None:
    shop = Shop(variant)
    cards = {"a": "tok_ok", "b": "tok_declined", "c": "tok_flaky"} | ({"d": "tok_timeout"} if variant == "saga" else {})
    async with shop.at_work():
        await shop.handle(register(on_hand=10))
        for order_id, token in cards.items():
            await shop.handle(place(item(), order_id=order_id, token=token))
        await shop.handle(place(item(quantity=99), order_id="e"))
        await until(lambda: _all_told(shop, len(cards) + 1))
        await until(lambda: _nothing_waits(shop))
    told = {mail.message_id for mail in shop.mail.kept}
    good = {f"<order/{order_id}/confirmed@obverse>" for order_id in "ac"}
    assert good <= told
    for order_id in {*cards, "e"} - {"a", "c"}:
        assert "OrderCancelled" in await shop.names_of(f"shop.order-{order_id}")
    kept = [account.captured - account.refunded for account in shop.payments.accounts() if not account.held]
    assert (sum(kept), len(kept)) == (2 * 1999, len(shop.payments.accounts()))
    (level,) = [event.level for _, event in (await records(shop.log, "shop.stock-product-abc"))[-1:]]
    assert (level.on_hand, level.reserved) == (8, 0)


ODD = ["-", "a/b", "x" * 200, "日" * 200, "ü€ \r\nBcc: eve@example.org", "{order_id}:%s*>.", "command-1", "again"]


@pytest.mark.parametrize("variant", ["saga", "plain"])
async def test_an_order_may_have_any_id_and_very_many_lines(variant: Variant) -> None:
    shop = Shop(variant)
    lines = [item(f"{number % 600}", price=number + 1) for number in range(675)]
    async with shop.at_work():
        for number in range(600):
            await shop.handle(register(str(number), on_hand=100))
        for order_id in ODD:
            await shop.handle(place(item("7"), order_id=order_id))
        await shop.handle(place(*lines, order_id="long"))
        await until(lambda: _mailed(shop, len(ODD) + 1))
        await until(lambda: _nothing_waits(shop))
    kept = sorted(account.captured for account in shop.payments.accounts() if not account.held)
    assert kept == [1999] * len(ODD) + [675 * 676 // 2]
    assert {str(mail.to) for mail in shop.mail.kept} == {EMAIL}
    of_stock = await records(shop.log, "shop.stock-7")
    level = [event.level for record, event in of_stock if record.stream == "shop.stock-7"][-1]
    assert (level.on_hand, level.reserved) == (100 - len(ODD) - 2, 0)


async def _mailed(shop: Shop, count: int) -> bool:
    return len({mail.message_id for mail in shop.mail.kept}) == count


async def _all_told(shop: Shop, count: int) -> bool:
    kinds = {"confirmed", "cancelled"}
    told = {mail.message_id for mail in shop.mail.kept}
    return len({name.split("/")[1] for name in told if name.split("/")[2].split("@")[0] in kinds}) == count


async def _nothing_waits(shop: Shop) -> bool:
    counts = await shop.work.counts()
    return not any(each.ready or each.in_flight or each.waiting for each in counts)


async def test_what_follows_an_order_belongs_to_one_thread() -> None:
    shop = Shop("saga")
    async with shop.at_work():
        await shop.handle(register(on_hand=10))
        answer = await shop.handle(place(order_id="a"))
        await until(lambda: _all_told(shop, 1))
        await until(lambda: _nothing_waits(shop))
    found: list[tuple[Record, Any]] = await records(shop.log)
    thread = answer.receipt.correlation_id
    assert {record.correlation_id for record, _ in found if "StockItem" not in record.type} == {thread}
