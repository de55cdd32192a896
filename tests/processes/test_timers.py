"""Timers of process managers on a log in memory: fired once, when they are due, unless somebody called them off."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cqrs.admin.v1.events_pb2 import TimerFired
from cqrs.shop.v1 import events_pb2 as events
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.decider import Aggregate
from command_service.memory_event_log import MemoryEventLog
from command_service.memory_work import MemoryProcessStore
from command_service.process import NO_REACTION, Cause, Process, Reaction, Timer
from command_service.worker.inputs import input_of_timer
from command_service.worker.reactor import Reactor
from tests.processes.delivery import delivery
from tests.processes.world import (
    CATALOGUE,
    ForgetfulStore,
    happened,
    names,
    origin,
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


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    @property
    def stamp(self) -> Timestamp:
        stamp = Timestamp()
        stamp.FromDatetime(self.moment)
        return stamp

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> MemoryEventLog:
    return MemoryEventLog(clock)


async def fired(log: MemoryEventLog) -> list[TimerFired]:
    return [event for _, event in await records(log, "test.") if isinstance(event, TimerFired)]


async def test_a_timer_is_due_so_long_after_its_cause_and_causes_what_follows(
    log: MemoryEventLog, clock: Clock
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await happened(log, CREATED, origin("corr", time=clock.stamp, traceparent=trace, actor="ann"))
    clock.pass_by(1)  # the reaction comes later: what counts is the cause's time
    await run_to_the_end(delivery(60), log)
    clock.pass_by(28.9)
    await run_to_the_end(delivery(60), log)
    assert await fired(log) == []
    clock.pass_by(0.1)
    await run_to_the_end(delivery(60), log)
    assert [event.name for event in await fired(log)] == ["remind"]
    clock.pass_by(3600)
    await run_to_the_end(delivery(60), log)
    _, ship = await fired(log)
    assert (ship.name, ship.process, ship.process_instance) == ("ship", "test.delivery", "o")
    assert ship.due_time.ToDatetime(UTC) == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    found = await records(log, "test.delivery-o")
    timer_set = next(record for record, event in found if record.type.endswith("TimerSet") and event.name == "ship")
    cancel, command = (await sent(log))[-1]
    assert command.type == "cqrs.shop.v1.CancelOrderRequest"
    for record in (found[-1][0], cancel):
        assert (record.correlation_id, record.causation_id) == ("corr", timer_set.id)
        assert (record.traceparent, record.actor) == (trace, "ann")
    assert names(found[-2:]) == ["TimerFired", "FulfilmentTurnedBack"]
    assert not log.tables.timers


async def test_a_timer_wakes_its_process_within_tens_of_milliseconds() -> None:
    log = MemoryEventLog()
    one = runner(delivery(0.3), log)
    async with running(one):
        record = await happened(log, CREATED)
        await until(lambda: len(log.tables.timers) == 2)
        await until(lambda: not log.tables.timers, seconds=2)
        late = time.time() - record.time.ToNanoseconds() / 1e9 - 0.3
    assert 0 <= late < 0.25


async def test_a_timer_called_off_does_not_fire(log: MemoryEventLog, clock: Clock) -> None:
    await happened(log, CREATED, origin(time=clock.stamp))
    await happened(log, SHIPPED, origin(time=clock.stamp))
    await run_to_the_end(delivery(), log)
    clock.pass_by(10_000)
    await run_to_the_end(delivery(), log)
    assert await fired(log) == []


async def test_what_was_in_the_log_in_time_counts_however_late_it_is_read(
    log: MemoryEventLog, clock: Clock, monkeypatch: Any
) -> None:
    """Nothing ran while the order left and its deadline passed: it is not late for that."""
    monkeypatch.setattr("command_service.worker.processes.PAGE", 1)
    await happened(log, CREATED, origin(time=clock.stamp))
    await run_to_the_end(delivery(), log)
    for number in range(20):
        await happened(log, events.OrderCreated(order_id=f"o-{number}"), origin(time=clock.stamp))
    await happened(log, SHIPPED, origin(time=clock.stamp))
    clock.pass_by(3601)
    await run_to_the_end(delivery(), log)
    assert {event.process_instance for event in await fired(log)} == {f"o-{number}" for number in range(20)}


async def test_a_timer_that_was_called_off_between_looking_and_reacting_does_not_fire(
    log: MemoryEventLog, clock: Clock
) -> None:
    await happened(log, CREATED, origin(time=clock.stamp))
    await run_to_the_end(delivery(), log)
    clock.pass_by(10_000)
    store = MemoryProcessStore(log)
    due = await store.due_timers("test.delivery", 10)
    late = [input_of_timer(delivery(), timer, (await log.read_log(timer.position - 1, 1)).records[0]) for timer in due]
    reactor = Reactor(delivery(), log, CATALOGUE, 10)
    await reactor.react(late[0])  # knows the instance from here on
    cancelled = events.OrderCancelled(order_id="o", reason="r")
    await happened(log, cancelled)
    other = runner(delivery(), log, ForgetfulStore(log, remembers=10**9))
    await Reactor(delivery(), log, CATALOGUE, 10).react(late[0])  # once more: nothing
    position = (await log.head()).position
    clock.moment -= timedelta(seconds=10_000)  # the other one's clock goes slow: it calls off what is due
    async with running(other):
        await settled(log, store, other)
    head = await log.head()
    assert names(await records(log, "test.delivery-o"))[-2:] == ["FulfilmentEnded", "TimerCancelled"]
    assert head.position == position + 2
    for each in late:
        await reactor.react(each)
    assert await log.head() == head
    assert [event.name for event in await fired(log)] == ["remind"]


def rearming(seconds: float) -> Process:
    """Sets its one timer anew at every event, and again when it fires, twice."""

    def react(event: Any, cause: Cause, state: int) -> Reaction:
        match event:
            case events.OrderCreated() | events.OrderShipped():
                return Reaction(timers=(Timer("again", seconds),), cancels=("again", "never set"))
            case TimerFired() if state < 2:
                note = events.FulfilmentResumed(order_id=event.process_instance)
                return Reaction(events=(note,), timers=(Timer("again", seconds),))
        return NO_REACTION

    return Process(
        state=Aggregate("test.rearming", 0, lambda state, _: state + 1, (events.FulfilmentResumed,)),
        reacts_to=(events.OrderCreated, events.OrderShipped),
        instance=lambda event: event.order_id,
        react=react,
    )


async def test_a_timer_set_again_is_moved_and_one_that_fires_can_set_itself(log: MemoryEventLog, clock: Clock) -> None:
    process = rearming(60)
    await happened(log, CREATED, origin(time=clock.stamp))
    await run_to_the_end(process, log)
    clock.pass_by(40)
    await happened(log, SHIPPED, origin(time=clock.stamp))
    await run_to_the_end(process, log)
    clock.pass_by(40)
    await run_to_the_end(process, log)
    assert await fired(log) == []
    clock.pass_by(20)
    await run_to_the_end(process, log)
    assert len(await fired(log)) == 1
    clock.pass_by(1000)
    await run_to_the_end(process, log)
    # Each is due so long after the one before, not after the moment when that was noticed.
    due = [event.due_time.ToDatetime(UTC) for event in await fired(log)]
    assert due == [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds) for seconds in (100, 160, 220)]
    assert names(await records(log, "test.rearming-o")) == [
        "TimerSet",
        *("TimerCancelled", "TimerSet"),
        *("TimerFired", "FulfilmentResumed", "TimerSet") * 2,
        "TimerFired",
    ]
