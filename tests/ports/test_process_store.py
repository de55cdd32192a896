"""What process managers keep as a port: whatever stores it, these hold."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import uuid_utils

from command_service.event_log import Entry
from command_service.lifecycle import timer_key
from command_service.work import Work, WorkKind
from command_service.work_queue import DueTimer
from tests.ports.work import SUCCEEDED, Open, eventually, new, record_of


def setting(process: str, instance: str, version: int, *timers: tuple[str, datetime | None]) -> Entry:
    """Sets timers of an instance, and clears those without a time."""
    stream = f"{process}-{instance}"
    works = [
        Work(WorkKind.SET_TIMER if due else WorkKind.CLEAR_TIMER, timer_key(process, instance, name))
        if due is None
        else Work(WorkKind.SET_TIMER, timer_key(process, instance, name), "", stream, process, due, text=name)
        for name, due in timers
    ]
    records = tuple(record_of(work, version + number, stream) for number, work in enumerate(works, 1))
    return Entry(str(uuid_utils.uuid7()), b"hash", ((stream, version),), records, (), b"done", SUCCEEDED)


# promise 000-45
async def test_a_timer_is_due_at_its_time_and_not_before(work: Open) -> None:
    process = new("shop.fulfilment")
    due = work.now() + timedelta(seconds=600)
    assert await work.processes.next_timer(process) is None
    appended = await work.log.append(setting(process, "7", 0, ("pay", due)))
    assert await work.processes.due_timers(process, 10) == []
    assert await work.processes.next_timer(process) == pytest.approx(600, abs=1)
    await work.pass_time(601)
    (timer,) = await work.processes.due_timers(process, 10)
    assert timer == DueTimer(f"{process}/7/pay", process, f"{process}-7", "pay", timer.due_time, appended.position)
    assert await work.processes.next_timer(process) == 0


async def test_due_timers_come_earliest_first_and_up_to_a_limit(work: Open) -> None:
    process, other = new("shop.fulfilment"), new("shop.other")
    start = work.now()
    times = [
        ("c", start + timedelta(seconds=3)),
        ("a", start + timedelta(seconds=1)),
        ("b", start + timedelta(seconds=2)),
    ]
    await work.log.append(setting(process, "7", 0, *times))
    await work.log.append(setting(other, "7", 0, ("z", start)))
    await work.pass_time(10)
    assert [timer.name for timer in await work.processes.due_timers(process, 10)] == ["a", "b", "c"]
    assert [timer.name for timer in await work.processes.due_timers(process, 2)] == ["a", "b"]


async def test_a_timer_that_is_set_again_is_moved_and_one_that_is_cleared_is_gone(work: Open) -> None:
    process, start = new("shop.fulfilment"), work.now()
    await work.log.append(setting(process, "7", 0, ("pay", start), ("ship", start)))
    moved = await work.log.append(setting(process, "7", 2, ("pay", start + timedelta(seconds=500)), ("ship", None)))
    assert await work.processes.due_timers(process, 10) == []
    assert await work.processes.next_timer(process) == pytest.approx(500, abs=1)
    await work.pass_time(600)
    (timer,) = await work.processes.due_timers(process, 10)
    assert (timer.name, timer.position) == ("pay", moved.position - 1)
    await work.log.append(setting(process, "7", 4, ("pay", None), ("never set", None)))
    assert await work.processes.next_timer(process) is None


async def test_changes_of_one_timer_in_one_entry_count_in_their_order(work: Open) -> None:
    process, start = new("shop.fulfilment"), work.now()
    later = start + timedelta(seconds=300)
    await work.log.append(setting(process, "7", 0, ("a", start), ("a", None), ("a", later), ("b", later), ("b", None)))
    assert await work.processes.next_timer(process) == pytest.approx(300, abs=1)
    assert await work.processes.due_timers(process, 10) == []


async def test_a_timer_wakes_who_waits(work: Open) -> None:
    process = new("shop.fulfilment")

    async def timer() -> float:
        while (seconds := await work.processes.next_timer(process)) is None:
            await work.queue.wait(60)
        return seconds

    async with asyncio.timeout(10):
        await work.queue.claim("none", 1, "me", 1)
        waiting = asyncio.create_task(timer())
        await work.log.append(setting(process, "7", 0, ("pay", work.now())))
        assert await waiting <= 0.1


async def test_a_checkpoint_only_moves_on(work: Open) -> None:
    process = new("shop.fulfilment")
    assert await work.processes.checkpoint(process) == 0
    for saved, kept in ((5, 5), (3, 5), (9, 9)):
        await work.processes.save_checkpoint(process, saved)
        assert await work.processes.checkpoint(process) == kept
    assert await work.processes.checkpoint(new("shop.other")) == 0


async def test_one_of_several_runners_is_alone_until_it_leaves(work: Open) -> None:
    process = new("shop.fulfilment")
    async with work.processes.alone(process) as first:
        async with work.processes.alone(process) as second, work.processes.alone(new("shop.other")) as other:
            assert (first, second, other) == (True, False, True)
        async with work.processes.alone(process) as third:
            assert not third

    async def is_free() -> bool:
        async with work.processes.alone(process) as again:
            return again

    await eventually(is_free)  # Postgres notices a moment later that a connection has gone


async def test_a_check_sets_no_timer(work: Open) -> None:
    process = new("shop.fulfilment")
    await work.log.append(replace(setting(process, "7", 0, ("pay", work.now())), receipt=None))
    assert await work.processes.next_timer(process) is None
