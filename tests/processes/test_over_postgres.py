"""Process managers over a real Postgres: at once, exact, once; through kills, lost checkpoints and two at a time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from cqrs.admin.v1.events_pb2 import TimerFired
from cqrs.shop.v1 import events_pb2 as events

from command_service.event_log import EventLog
from command_service.postgres.event_log import open_event_log
from command_service.postgres.process_store import open_process_store
from command_service.process import Process
from command_service.work_queue import ProcessStore
from command_service.worker import processes
from command_service.worker.processes import ProcessRunner
from ops.embedded import EmbeddedPostgres
from tests.processes.delivery import delivery
from tests.processes.test_timers import rearming
from tests.processes.world import happened, names, records, runner, running, sent, settled, until


@dataclass(frozen=True)
class Worker:
    """What one worker's process managers have."""

    log: EventLog
    store: ProcessStore

    def runner(self, process: Process) -> ProcessRunner:
        return runner(process, self.log, self.store)

    async def settled(self, *runners: ProcessRunner) -> None:
        await settled(self.log, self.store, *runners)


@asynccontextmanager
async def worker(dsn: str) -> AsyncIterator[Worker]:
    async with open_event_log(dsn) as log, open_process_store(dsn) as store:
        yield Worker(log, store)


@pytest.fixture
def dsn(postgres: EmbeddedPostgres, database: str) -> str:
    return postgres.dsn("obverse_service", database)


def order(name: str) -> events.OrderCreated:
    return events.OrderCreated(order_id=name)


def shipped(name: str) -> events.OrderShipped:
    return events.OrderShipped(order_id=name, tracking_number="t")


async def fired(log: EventLog) -> list[TimerFired]:
    return [event for _, event in await records(log, "test.") if isinstance(event, TimerFired)]


async def test_what_must_follow_an_event_follows_it_at_once(dsn: str) -> None:
    async with worker(dsn) as one:
        delivering = one.runner(delivery())
        async with running(delivering):
            await until(lambda: delivering.status()["state"] == "RUNNING")
            began = time.monotonic()
            await happened(one.log, order("o"))
            await until(lambda: sent(one.log))
            assert time.monotonic() - began < 1
            await happened(one.log, shipped("o"))
            await until(lambda: _is_off_the_table(one))
        assert names(await records(one.log, "test.delivery-o")) == [
            "FulfilmentStarted", "TimerSet", "TimerSet", "FulfilmentEnded", "TimerCancelled", "TimerCancelled",
        ]  # fmt: skip


async def _is_off_the_table(one: Worker) -> bool:
    return await one.store.next_timer("test.delivery") is None


async def test_a_timer_fires_on_time_and_one_can_set_itself_in_its_own_firing(dsn: str) -> None:
    async with worker(dsn) as one:
        again = one.runner(rearming(0.2))
        async with running(again):
            cause = await happened(one.log, order("o"))

            async def all_three() -> bool:
                return len(await fired(one.log)) == 3

            await until(all_three)
            await one.settled(again)
        began = cause.time.ToNanoseconds()
        late = [
            record.time.ToNanoseconds() - event.due_time.ToNanoseconds()
            for record, event in await records(one.log, "test.")
            if isinstance(event, TimerFired)
        ]
        due = [round((event.due_time.ToNanoseconds() - began) / 1e9, 3) for event in await fired(one.log)]
        assert due == [0.2, 0.4, 0.6]
        assert all(0 <= each < 0.5e9 for each in late), late
        assert await one.store.next_timer("test.rearming") is None


async def test_a_timer_outlives_the_worker_and_a_killed_store_and_fires_once(
    own_postgres: EmbeddedPostgres, monkeypatch: Any
) -> None:
    monkeypatch.setattr(processes, "RETRY_SECONDS", 0.05)
    dsn = own_postgres.dsn("obverse_service")
    async with worker(dsn) as one:
        first = one.runner(delivery(0.3))
        async with running(first):
            await happened(one.log, order("o"))
            await until(lambda: sent(one.log))
    await asyncio.to_thread(own_postgres.kill)
    await asyncio.to_thread(own_postgres.start)
    async with worker(own_postgres.dsn("obverse_service")) as other:

        async def both_due() -> bool:
            return len(await other.store.due_timers("test.delivery", 10)) == 2

        await until(both_due)
        two = [other.runner(delivery(0.3)), other.runner(delivery(0.3))]
        async with running(*two):
            await until(lambda: _fired_both(other.log))
        assert [event.name for event in await fired(other.log)] == ["remind", "ship"]
        assert [event.type.rpartition(".")[2] for _, event in await sent(other.log)] == [
            "UpdateOrderStatusRequest", "CancelOrderRequest",
        ]  # fmt: skip


async def _fired_both(log: EventLog) -> bool:
    return len(await fired(log)) == 2


async def test_a_lost_checkpoint_sends_nothing_twice(postgres: EmbeddedPostgres, database: str, dsn: str) -> None:
    async with worker(dsn) as one:
        for number in range(10):
            await happened(one.log, shipped(f"o-{number % 5}"))
            await happened(one.log, order(f"o-{number % 5}"))
        delivering = one.runner(delivery())
        async with running(delivering):
            await one.settled(delivering)
        head = await one.log.head()
        superuser = await asyncpg.connect(postgres.dsn("postgres", database))
        assert await superuser.execute("DELETE FROM obverse.process_checkpoints") == "DELETE 1"
        await superuser.close()
        again = one.runner(delivery())
        async with running(again):
            await until(lambda: again.status()["position"] == head.position)
        assert await one.log.head() == head


async def test_two_workers_take_turns_and_two_at_once_come_to_one_outcome(
    postgres: EmbeddedPostgres, database: str, dsn: str, monkeypatch: Any
) -> None:
    """The connection that says who is alone is cut: the first does not notice, and both run."""
    monkeypatch.setattr(processes, "RETRY_SECONDS", 0.05)
    async with worker(dsn) as one, worker(dsn) as other:
        first, second = one.runner(delivery()), other.runner(delivery())
        async with running(first):
            await until(lambda: first.status()["state"] == "RUNNING")
            async with running(second):
                await happened(one.log, order("a"))
                await until(lambda: sent(one.log))
                assert second.status()["state"] == "STANDBY"
                superuser = await asyncpg.connect(postgres.dsn("postgres", database))
                cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                await superuser.execute(cut)
                await superuser.close()
                await until(lambda: second.status()["state"] == "RUNNING")
                for number in range(40):
                    await happened(one.log, order(f"o-{number % 4}"))
                    await happened(one.log, shipped(f"o-{number % 4}"))
                await one.settled(first, second)
        accepted = [event for _, event in await sent(one.log)]
        assert len(accepted) == 9
        assert len({(event.process_instance, event.type) for event in accepted}) == 9


async def test_a_store_that_is_killed_while_events_come_loses_and_doubles_nothing(
    own_postgres: EmbeddedPostgres, monkeypatch: Any
) -> None:
    monkeypatch.setattr(processes, "RETRY_SECONDS", 0.05)
    dsn = own_postgres.dsn("obverse_service")
    async with worker(dsn) as one:
        for number in range(300):
            await happened(one.log, order(f"o-{number}"))
        delivering = one.runner(delivery())
        async with running(delivering):
            await until(lambda: sent(one.log))
            await asyncio.to_thread(own_postgres.kill)
            await until(lambda: delivering.status()["error"])
            assert delivering.status()["state"] == "STANDBY"
            await asyncio.to_thread(own_postgres.start)
            await until(lambda: delivering.status()["state"] == "RUNNING", seconds=20)
            await one.settled(delivering)
        accepted = [event for _, event in await sent(one.log)]
        assert sorted(event.process_instance for event in accepted) == sorted(f"o-{number}" for number in range(300))
