"""A command that was retried has a new life: nobody of the old one can end it, put it off or give it back."""

from dataclasses import replace

import pytest

from command_service.event_log import CommandIdReused, Entry, VersionConflict
from command_service.work import WorkKind
from tests.ports.work import (
    ACCEPTED,
    FAILED,
    REFUSED,
    SUCCEEDED,
    Open,
    accept,
    acceptance,
    by_operator,
    claimed,
    new,
    one,
    outcome,
    state_of,
)


async def brought_to(work: Open, phase: str) -> tuple[Entry, int]:
    """A command that has come so far, and the state of its receipt."""
    channel = new("orders")
    later = work.now().replace(year=2030) if phase in ("scheduled", "cancelled") else None
    entry = await accept(work, channel, new("t.thing"), due=later)
    if phase == "cancelled":
        await work.log.append(by_operator(WorkKind.CANCEL, entry.command_id, 1, channel))
    if phase in ("accepted", "scheduled", "cancelled"):
        return entry, REFUSED if phase == "cancelled" else ACCEPTED
    claim = await one(work, channel)
    if phase == "executing":
        return entry, ACCEPTED
    if phase == "waiting":
        await work.queue.put_off(claim, 60, "away")
        return entry, ACCEPTED
    if phase == "succeeded":
        await work.log.append(outcome(claim))
        return entry, SUCCEEDED
    await work.log.append(outcome(claim, WorkKind.FAILED, error="away"))
    if phase == "retried":
        await work.log.append(by_operator(WorkKind.REOPEN, entry.command_id, 2, channel))
        return entry, ACCEPTED
    if phase == "discarded":
        await work.log.append(by_operator(WorkKind.DISCARD, entry.command_id, 2, channel))
    return entry, FAILED


PHASES = (
    *("accepted", "scheduled", "executing", "waiting", "succeeded", "failed"),
    *("retried", "discarded", "cancelled"),
)


@pytest.mark.parametrize("phase", PHASES)
async def test_the_same_again_is_told_where_it_stands_and_another_request_is_refused(work: Open, phase: str) -> None:
    entry, state = await brought_to(work, phase)
    before = (await work.log.head()).position
    told = await state_of(work, entry)
    assert (told.replayed, told.state) == (True, state)
    with pytest.raises(CommandIdReused):
        await work.log.append(replace(entry, request_hash=b"another"))
    with pytest.raises(CommandIdReused):  # not even a look at whether it could be
        await work.log.append(replace(entry, request_hash=b"another", records=(), receipt=None))
    assert (await work.log.head()).position == before


@pytest.mark.parametrize("kind", [WorkKind.SUCCEEDED, WorkKind.REFUSED, WorkKind.FAILED])
async def test_an_old_attempt_that_wakes_up_ends_nothing_of_the_new_life(work: Open, kind: WorkKind) -> None:
    channel = new("orders")
    entry = await accept(work, channel, new("t.thing"))
    old = await one(work, channel, lease_seconds=1)
    await work.pass_time(2)
    await work.log.append(outcome(await one(work, channel), WorkKind.FAILED, error="away"))
    await work.log.append(by_operator(WorkKind.REOPEN, entry.command_id, 2, channel))
    with pytest.raises(VersionConflict):
        await work.log.append(outcome(old, kind))
    await work.queue.put_off(old, 1000, "late")
    await work.queue.give_back([old])
    assert await work.queue.renew([old], 1000) == frozenset()
    fresh = await one(work, channel)
    assert (fresh.attempt, fresh.version) == (1, 3)
    await work.queue.put_off(old, 1000, "late")
    await work.queue.give_back([old])
    assert await work.queue.renew([old, fresh], 30) == {entry.command_id}
    with pytest.raises(VersionConflict):
        await work.log.append(outcome(old, kind))
    done = await work.log.append(outcome(fresh))
    assert not done.replayed
    assert (await work.log.append(outcome(old, kind))).state == SUCCEEDED
    assert await claimed(work, channel) == []


async def test_a_cancelled_schedule_frees_what_stood_behind_it(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    first = await accept(work, channel, stream, due=work.now().replace(year=2030))
    second = await accept(work, channel, stream)
    assert await claimed(work, channel, lease_seconds=0) == [second.command_id]
    await work.log.append(by_operator(WorkKind.CANCEL, first.command_id, 1, channel))
    assert await claimed(work, channel) == [second.command_id]


@pytest.mark.parametrize("odd", ["a/b", "a-b-c", "~!@#$%^&*()", "'; DROP", "x" * 128, "command-1", "%s%d{}"])
async def test_any_printable_id_is_carried_through(work: Open, odd: str) -> None:
    channel = new("orders")
    entry = acceptance(channel, new("t.thing"), command_id=f"{odd[:80]}{new('')}"[:128])
    await work.log.append(entry)
    claim = await one(work, channel)
    assert claim.command_id == entry.command_id
    await work.log.append(outcome(claim))
    assert (await state_of(work, entry)).state == SUCCEEDED
