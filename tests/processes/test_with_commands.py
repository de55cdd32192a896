"""A process manager beside a worker, over the shop's own rules: what it sends is carried out, refusals come back."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, CommandSucceeded
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events

from command_service.catalogue import Catalogue
from command_service.channels import Channels
from command_service.command import Command
from command_service.deciders import CONTRACTS, DECIDERS
from command_service.execute import Executor
from command_service.handle import Handler
from command_service.memory_event_log import MemoryEventLog
from command_service.memory_work import MemoryWork
from command_service.processes import PROCESSES, checked
from command_service.states import States
from runtime.call import Call
from runtime.ending import ended
from tests.processes.delivery import delivery
from tests.processes.world import names, records, runner, running, until
from tests.shop.messages import create, item

CHANNEL = "shop"


class Shop:
    """A command server and a worker's channel on one log."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.work = MemoryWork(self.log)
        self.catalogue = Catalogue(CONTRACTS, DECIDERS)
        channels = Channels.parse("")
        self.handler = Handler(self.log, States(self.log, 100), self.catalogue, channels, 10)
        self.executor = Executor(self.log, self.handler, self.catalogue, channels, {})

    async def handle(self, request: Any) -> Any:
        rpc = self.catalogue.of_request(request)
        assert rpc is not None
        return await self.handler.handle(Command.accept(rpc, request, Call(rpc.name, "", math.inf, "")))

    @asynccontextmanager
    async def carrying_out(self) -> AsyncIterator[None]:
        """Carry out what was accepted, while the block runs."""

        async def lane() -> None:
            while True:
                for claim in await self.work.claim(CHANNEL, 10, "w", 30):
                    await self.executor.execute(claim)
                await self.work.wait(0.05)

        task = asyncio.create_task(lane())
        try:
            yield
        finally:
            await ended(task)

    async def status_of(self, order_id: str) -> list[str]:
        return names(await records(self.log, f"shop.order-{order_id}"))

    async def outcomes(self) -> list[Any]:
        kinds = (CommandSucceeded, CommandRefused, CommandFailed)
        return [event for _, event in await records(self.log, "command-") if isinstance(event, kinds)]


@pytest.fixture
def shop() -> Shop:
    return Shop()


# promise 001-10, 001-59
async def test_what_it_sends_is_carried_out_by_the_same_deciders_that_callers_use(shop: Shop) -> None:
    async with running(runner(delivery(), shop.log, shop.work, shop.catalogue)), shop.carrying_out():
        await shop.handle(create(item(), order_id="o"))
        await until(lambda: _has(shop, "o", "OrderStatusChanged"))
        await shop.handle(commands.ShipOrderRequest(order_id="o", tracking_number="t"))
        await until(lambda: _has(shop, "o", "OrderCompleted"))
        await until(lambda: _ended(shop, 2))
    assert all(isinstance(event, CommandSucceeded) for event in await shop.outcomes())
    assert names(await records(shop.log, "test.delivery-o"))[-3:] == [
        "FulfilmentEnded", "TimerCancelled", "TimerCancelled",
    ]  # fmt: skip


# promise 001-60
async def test_the_refusal_of_what_it_sent_comes_back_to_the_instance_and_the_thread_goes_through_all(
    shop: Shop,
) -> None:
    created = await shop.handle(create(item(), order_id="o"))
    await shop.handle(commands.CancelOrderRequest(order_id="o", reason="no"))
    async with running(runner(delivery(), shop.log, shop.work, shop.catalogue)), shop.carrying_out():
        await until(lambda: _turned_back(shop))
    (refusal,) = await shop.outcomes()
    assert (type(refusal), refusal.process, refusal.process_instance) == (CommandRefused, "test.delivery", "o")
    found = await records(shop.log)
    by_id = {record.id: record for record, _ in found}
    turned_back = next(record for record, event in found if isinstance(event, events.FulfilmentTurnedBack))
    thread: list[Record] = [turned_back]
    while (cause := by_id.get(thread[-1].causation_id) or _acceptance_of(thread[-1], found)) is not None:
        thread.append(cause)
    assert [record.type.rpartition(".")[2] for record in thread] == [
        "FulfilmentTurnedBack", "CommandRefused", "CommandAccepted", "OrderCreated",
    ]  # fmt: skip
    assert {record.correlation_id for record in thread} == {created.receipt.command_id}


def _acceptance_of(record: Record, found: list[tuple[Record, Any]]) -> Record | None:
    stream = f"command-{record.causation_id}"
    return next((each for each, _ in found if each.stream == stream and each.version == 1), None)


async def _has(shop: Shop, order_id: str, kind: str) -> bool:
    return kind in await shop.status_of(order_id)


async def _ended(shop: Shop, count: int) -> bool:
    return len(await shop.outcomes()) == count


async def _turned_back(shop: Shop) -> bool:
    return "FulfilmentTurnedBack" in names(await records(shop.log, "test.delivery-o"))


def test_every_process_manager_of_this_product_follows_events_and_has_a_name_of_its_own() -> None:
    for process in checked(PROCESSES):
        assert process.reacts_to
        assert process.state.events
