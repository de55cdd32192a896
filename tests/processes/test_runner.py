"""Process managers at work on a log in memory: what follows an event, once, in whose name, and what stops whom."""

import dataclasses
from typing import Any

import pytest
from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, Refusal
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from prometheus_client import REGISTRY

from command_service.command import derived_id
from command_service.event_log import LogFilter, LogPage, LogUnavailable
from command_service.memory_event_log import MemoryEventLog
from command_service.memory_work import MemoryProcessStore
from command_service.process import Process, Reaction
from command_service.worker import processes
from tests.processes.delivery import delivery
from tests.processes.world import (
    ForgetfulStore,
    append,
    ends,
    happened,
    names,
    origin,
    outcome,
    records,
    run_to_the_end,
    runner,
    running,
    sent,
    settled,
    until,
)

CREATED = events.OrderCreated(order_id="o")
SHIPPED = events.OrderShipped(order_id="o", tracking_number="t")


@pytest.fixture
def log() -> MemoryEventLog:
    return MemoryEventLog()


# promise 001-10, 002-14
async def test_what_must_follow_an_event_follows_it_at_once(log: MemoryEventLog) -> None:
    one = runner(delivery(), log)
    async with running(one):
        await until(lambda: one.status()["state"] == "RUNNING")
        await happened(log, CREATED)
        await until(lambda: sent(log), seconds=1)
        assert names(await records(log, "test.delivery-o")) == ["FulfilmentStarted", "TimerSet", "TimerSet"]
        await happened(log, SHIPPED)
        await until(lambda: one.status()["position"] == 10, seconds=1)
    assert names(await records(log, "test.delivery-o")) == [
        "FulfilmentStarted", "TimerSet", "TimerSet", "FulfilmentEnded", "TimerCancelled", "TimerCancelled",
    ]  # fmt: skip
    assert [event.type for _, event in await sent(log)] == [
        "cqrs.shop.v1.UpdateOrderStatusRequest", "cqrs.shop.v1.CompleteOrderRequest",
    ]  # fmt: skip
    assert one.status() == {"name": "test.delivery", "state": "RUNNING", "position": 10, "error": ""}


# promise 001-60
async def test_what_follows_carries_who_and_what_caused_it(log: MemoryEventLog) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    cause = await happened(log, CREATED, origin("corr", "place", traceparent=trace, actor="ann"))
    await run_to_the_end(delivery(), log)
    (accepted, command), *_ = await sent(log)
    for record, _ in [*await records(log, "test.delivery-o"), (accepted, command)]:
        assert (record.correlation_id, record.causation_id) == ("corr", cause.id)
        assert (record.traceparent, record.actor) == (trace, "ann")
    assert (command.process, command.process_instance) == ("test.delivery", "o")
    assert command.command_id == derived_id("sent", "test.delivery", cause.id, "0")
    request = commands.UpdateOrderStatusRequest.FromString(command.request)
    assert (request.context.correlation_id, request.context.causation_id) == ("corr", cause.id)


# promise 001-9, 001-10, 001-59
async def test_a_reaction_is_added_beside_the_others_and_changes_nothing_but_the_list(log: MemoryEventLog) -> None:
    await happened(log, CREATED)
    await run_to_the_end(delivery(), log)
    await run_to_the_end(delivery(category="test.second"), log)
    found = await outcome(log)
    assert found["test.delivery-o"][0] == found["test.second-o"][0]
    first, second = await sent(log)
    assert first[1].command_id != second[1].command_id
    assert (first[1].process, second[1].process) == ("test.delivery", "test.second")


async def test_what_concerns_no_instance_leaves_nothing_and_is_passed(log: MemoryEventLog) -> None:
    await happened(log, events.OrderCreated(order_id="else-1"))
    await happened(log, events.CartCleared(user_id="u"), stream="shop.cart-u")
    one = runner(delivery(), log)
    async with running(one):
        await settled(log, MemoryProcessStore(log), one)
    assert (await log.head()).position == 2


async def test_a_lost_checkpoint_sends_nothing_twice(log: MemoryEventLog) -> None:
    for number in range(20):
        await happened(log, events.OrderCreated(order_id=f"o-{number}"))
        await happened(log, events.OrderShipped(order_id=f"o-{number}"))
    await run_to_the_end(delivery(), log)
    head = await log.head()
    again = runner(delivery(), log, ForgetfulStore(log, remembers=0))
    async with running(again):
        await until(lambda: again.status()["position"] == head.position)
    assert await log.head() == head


async def test_what_changed_nothing_the_first_time_changes_nothing_when_it_comes_again(log: MemoryEventLog) -> None:
    """An order that was shipped before it was known: on what the instance knows now it would be another reaction."""
    await happened(log, SHIPPED)
    await happened(log, CREATED)
    await run_to_the_end(delivery(), log)
    head = await log.head()
    again = runner(delivery(), log, ForgetfulStore(log, remembers=0))
    async with running(again):
        await until(lambda: again.status()["position"] == head.position)
    assert await log.head() == head


async def test_an_input_that_was_reacted_to_stops_nobody_when_it_comes_again(log: MemoryEventLog) -> None:
    """What raises on a later state than the input was for does not count."""

    def once(event: Any, cause: Any, state: Any) -> Reaction:
        if isinstance(event, events.OrderCreated) and state.open:
            raise AssertionError("created twice")
        return delivery().react(event, cause, state)

    strict = dataclasses.replace(delivery(), react=once)
    await happened(log, CREATED)
    await run_to_the_end(strict, log)
    again = runner(strict, log, ForgetfulStore(log, remembers=0))
    async with running(again):
        await settled(log, MemoryProcessStore(log), again)


async def test_two_runners_at_once_come_to_what_one_comes_to(log: MemoryEventLog) -> None:
    one, other = (runner(delivery(), log, ForgetfulStore(log, remembers=10**9)) for _ in range(2))
    async with running(one, other):
        for number in range(30):
            await happened(log, events.OrderCreated(order_id=f"o-{number % 3}"))
            await happened(log, events.OrderShipped(order_id=f"o-{number % 3}"))
        await settled(log, MemoryProcessStore(log), one, other)
    assert len(await sent(log)) == 6
    assert names(await records(log, "test.delivery-o-1")).count("FulfilmentEnded") == 1


async def test_only_one_worker_runs_it_and_another_takes_over(log: MemoryEventLog, monkeypatch: Any) -> None:
    monkeypatch.setattr(processes, "RETRY_SECONDS", 0.01)
    one, other = runner(delivery(), log), runner(delivery(), log)
    async with running(other):
        async with running(one):
            await until(lambda: "RUNNING" in (one.status()["state"], other.status()["state"]))
            assert {one.status()["state"], other.status()["state"]} == {"RUNNING", "STANDBY"}
            await happened(log, CREATED)
            await until(lambda: sent(log))
        await until(lambda: other.status()["state"] == "RUNNING")
        await happened(log, SHIPPED)
        await until(lambda: len(log.tables.commands) == 2)


async def test_a_refused_and_a_failed_command_come_back_to_the_instance_that_sent_them(log: MemoryEventLog) -> None:
    for name in ("o-1", "o-2"):
        await happened(log, events.OrderCreated(order_id=name))
    await run_to_the_end(delivery(), log)
    (_, first), (_, second) = await sent(log)
    about = {"process": "test.delivery"}
    refusal = Refusal(reason="SOLD_OUT")
    await ends(log, CommandRefused(command_id=first.command_id, process_instance="o-1", refusal=refusal, **about))
    await ends(log, CommandFailed(command_id=second.command_id, process_instance="o-2", error="boom", **about))
    somebody_else = CommandRefused(command_id="x", process="test.other", process_instance="o-1", refusal=refusal)
    await ends(log, somebody_else)
    await ends(log, CommandRefused(command_id="y", refusal=refusal))
    await run_to_the_end(delivery(), log)
    reasons = {
        record.stream: event.reason
        for record, event in await records(log, "test.delivery-")
        if isinstance(event, events.FulfilmentTurnedBack)
    }
    assert reasons == {"test.delivery-o-1": "SOLD_OUT", "test.delivery-o-2": "boom"}


def failing_on(order_id: str) -> Process:
    def react(event: Any, cause: Any, state: Any) -> Reaction:
        if getattr(event, "order_id", "") == order_id:
            raise ZeroDivisionError("no such thing")
        return delivery().react(event, cause, state)

    return dataclasses.replace(delivery(category="test.failing"), react=react)


async def test_one_that_raises_stops_alone_and_says_on_what_and_a_restart_tries_again(log: MemoryEventLog) -> None:
    await happened(log, events.OrderCreated(order_id="good"))
    bad = await happened(log, events.OrderCreated(order_id="bad"))
    await happened(log, events.OrderCreated(order_id="later"))
    failing, healthy = runner(failing_on("bad"), log), runner(delivery(), log)
    async with running(failing, healthy):
        await until(lambda: failing.status()["state"] == "STOPPED")
        await settled(log, MemoryProcessStore(log), healthy)
        status = failing.status()
        assert status["position"] == 1
        assert status["error"] == (
            f"ZeroDivisionError: no such thing (at record 2, OrderCreated {bad.id} of instance bad)"
        )
        assert REGISTRY.get_sample_value("obverse_process_stopped", {"process": "test.failing"}) == 1
        assert REGISTRY.get_sample_value("obverse_process_stopped", {"process": "test.delivery"}) == 0
    mended = runner(delivery(category="test.failing"), log)
    async with running(mended):
        await settled(log, MemoryProcessStore(log), mended)
    assert REGISTRY.get_sample_value("obverse_process_stopped", {"process": "test.failing"}) == 0
    for category in ("test.failing", "test.delivery"):
        assert {name for name in await outcome(log) if name.startswith(category)} == {
            f"{category}-{order}" for order in ("good", "bad", "later")
        }


async def test_bytes_that_do_not_decode_stop_it_at_that_record(log: MemoryEventLog) -> None:
    await happened(log, CREATED)
    broken = log._log[0][0]
    record = Record.FromString(broken.record)
    record.data, record.version = b"\xff", 2
    await append(log, dataclasses.replace(broken, version=2, record=record.SerializeToString()))
    one = runner(delivery(), log)
    async with running(one):
        await until(lambda: one.status()["state"] == "STOPPED")
    assert "DecodeError" in one.status()["error"]
    assert f"(at record 2, cqrs.shop.v1.OrderCreated {record.id})" in one.status()["error"]
    assert len(await sent(log)) == 1


async def test_a_command_that_no_rpc_takes_stops_it(log: MemoryEventLog) -> None:
    wrong = dataclasses.replace(delivery(), react=lambda *_: Reaction(commands=(events.CartCleared(user_id="u"),)))
    await happened(log, CREATED)
    one = runner(wrong, log)
    async with running(one):
        await until(lambda: one.status()["state"] == "STOPPED")
    assert "no command RPC takes it" in one.status()["error"]


class AwayLog(MemoryEventLog):
    """A log whose store goes away and comes back."""

    away = False

    async def read_log(self, after: int, limit: int, wanted: LogFilter = LogFilter()) -> LogPage:  # noqa: B008 # frozen
        if self.away:
            raise LogUnavailable("away")
        return await super().read_log(after, limit, wanted)


async def test_while_the_store_is_away_it_waits_and_then_goes_on(monkeypatch: Any) -> None:
    monkeypatch.setattr(processes, "RETRY_SECONDS", 0.01)
    log = AwayLog()
    one = runner(delivery(), log)
    async with running(one):
        await until(lambda: one.status()["state"] == "RUNNING")
        log.away = True
        await happened(log, CREATED)
        await until(lambda: one.status()["error"] == "Waiting for the log: away")
        assert one.status()["state"] == "STANDBY"
        log.away = False
        await until(lambda: sent(log))
        assert one.status()["error"] == ""


async def test_pages_are_read_on_and_instances_run_beside_one_another(log: MemoryEventLog, monkeypatch: Any) -> None:
    monkeypatch.setattr(processes, "PAGE", 7)
    for number in range(50):
        await happened(log, events.OrderCreated(order_id=f"o-{number}"))
    await run_to_the_end(delivery(), log)
    assert len(await sent(log)) == 50
    assert await MemoryProcessStore(log).checkpoint("test.delivery") >= 50
