"""The queue of open commands as a port: whatever stores it, these hold."""

import asyncio
from datetime import timedelta

import pytest

from command_service.work import WorkKind
from command_service.work_queue import Claimed, QueueCounts
from tests.ports.work import (
    Open,
    accept,
    acceptance,
    by_operator,
    claimed,
    new,
    one,
    outcome,
    sending,
)


async def counts(work: Open, channel: str) -> QueueCounts:
    (found,) = await work.queue.counts(channel)
    return found


async def test_what_was_accepted_is_claimed_once_and_whole(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    entry = await accept(work, channel, stream)
    (claim,) = await work.queue.claim(channel, 10, "me", 30)
    assert (claim.command_id, claim.channel, claim.version, claim.attempt) == (entry.command_id, channel, 1, 1)
    assert claim.record == entry.records[0].record
    assert claim.position == (await work.log.head()).position
    assert await claimed(work, channel) == []


# promise 000-36
async def test_twenty_racing_workers_get_each_command_once(work: Open) -> None:
    channel = new("orders")
    entries = [acceptance(channel, new("t.thing")) for _ in range(300)]
    await asyncio.gather(*map(work.log.append, entries))

    async def drain(name: str) -> list[str]:
        found: list[str] = []
        while claims := await work.queue.claim(channel, 7, name, 30):
            found += [claim.command_id for claim in claims]
        return found

    shares = await asyncio.gather(*(drain(f"worker {number}") for number in range(20)))
    taken = [command_id for share in shares for command_id in share]
    # A claim passes over what another one holds at that moment, so all may have stopped before the last was free.
    taken += await claimed(work, channel, 300)
    assert sorted(taken) == sorted(entry.command_id for entry in entries)


async def test_the_oldest_come_first_and_no_more_than_asked_for(work: Open) -> None:
    channel = new("orders")
    ids = [(await accept(work, channel, new("t.thing"))).command_id for _ in range(5)]
    assert await claimed(work, channel, 2) == ids[:2]
    assert await claimed(work, channel, 0) == []
    assert await claimed(work, channel, 9) == ids[2:]


async def test_channels_do_not_see_one_another(work: Open) -> None:
    one_channel, other = new("one"), new("other")
    entry = await accept(work, one_channel, new("t.thing"))
    assert await claimed(work, other) == []
    assert await claimed(work, one_channel) == [entry.command_id]


# promise 000-37
async def test_commands_of_one_stream_go_one_after_another_in_the_order_of_acceptance(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    entries = [acceptance(channel, stream) for _ in range(5)]
    await asyncio.gather(*map(work.log.append, entries[:3]))
    await asyncio.gather(*map(work.log.append, entries[3:]))
    for entry in entries:
        claim = await one(work, channel)
        assert claim.command_id == entry.command_id
        assert await claimed(work, channel) == []
        await work.log.append(outcome(claim))
    assert await claimed(work, channel) == []


async def test_order_holds_across_channels(work: Open) -> None:
    first, second, stream = new("first"), new("second"), new("t.thing")
    await accept(work, first, stream)
    follower = await accept(work, second, stream)
    assert await claimed(work, second) == []
    await work.log.append(outcome(await one(work, first)))
    assert await claimed(work, second) == [follower.command_id]


async def test_a_command_that_waits_for_a_retry_holds_back_its_followers_until_it_fails_for_good(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    first, follower = await accept(work, channel, stream), await accept(work, channel, stream)
    claim = await one(work, channel)
    await work.queue.put_off(claim, 60, "away")
    assert await claimed(work, channel) == []
    await work.pass_time(61)
    again = await one(work, channel)
    assert (again.command_id, again.attempt) == (first.command_id, 2)
    await work.log.append(outcome(again, WorkKind.FAILED, error="broken"))
    assert await claimed(work, channel) == [follower.command_id]


async def test_a_retry_does_not_hold_back_other_streams(work: Open) -> None:
    channel = new("orders")
    await accept(work, channel, new("t.thing"))
    await work.queue.put_off(await one(work, channel), 60, "away")
    other = await accept(work, channel, new("t.thing"))
    assert await claimed(work, channel) == [other.command_id]


async def test_a_lease_that_is_over_lets_another_worker_try(work: Open) -> None:
    channel = new("orders")
    await accept(work, channel, new("t.thing"))
    dead = await one(work, channel, lease_seconds=10)
    await work.pass_time(9)
    assert await claimed(work, channel) == []
    await work.pass_time(2)
    living = await one(work, channel)
    assert (living.command_id, living.attempt) == (dead.command_id, 2)
    assert living.lease != dead.lease


async def test_a_renewed_lease_lasts(work: Open) -> None:
    channel = new("orders")
    for _ in range(2):
        await accept(work, channel, new("t.thing"))
    claims = await work.queue.claim(channel, 2, "me", 10)
    assert await work.queue.renew(claims, 100) == {claim.command_id for claim in claims}
    await work.pass_time(50)
    assert await claimed(work, channel) == []
    await work.log.append(outcome(claims[0]))
    assert await work.queue.renew(claims, 100) == {claims[1].command_id}
    assert await work.queue.renew([], 100) == frozenset()


async def test_a_worker_that_wakes_up_late_changes_nothing(work: Open) -> None:
    channel = new("orders")
    await accept(work, channel, new("t.thing"))
    late = await one(work, channel, lease_seconds=10)
    await work.pass_time(11)
    holder = await one(work, channel)
    assert await work.queue.renew([late], 100) == frozenset()
    await work.queue.put_off(late, 0, "late")
    await work.queue.give_back([late])
    assert await claimed(work, channel) == []
    found = await counts(work, channel)
    assert (found.in_flight, found.retried_total) == (1, 0)
    assert await work.queue.renew([holder], 100) == {holder.command_id}


async def test_what_is_given_back_counts_as_never_claimed(work: Open) -> None:
    channel = new("orders")
    await accept(work, channel, new("t.thing"))
    await work.queue.give_back([await one(work, channel)])
    assert (await one(work, channel)).attempt == 1


# promise 000-41
async def test_a_scheduled_command_is_not_given_out_before_it_is_due_and_holds_nothing_back(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    scheduled = await accept(work, channel, stream, due=work.now() + timedelta(seconds=600))
    sooner = await accept(work, channel, stream)
    await work.log.append(outcome(await one(work, channel)))
    later = await accept(work, channel, stream)
    await work.pass_time(601)
    claim = await one(work, channel)
    assert claim.command_id == scheduled.command_id != sooner.command_id
    await work.log.append(outcome(claim))
    assert await claimed(work, channel) == [later.command_id]


async def test_a_scheduled_command_that_became_due_waits_for_an_earlier_one(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    first = await accept(work, channel, stream)
    scheduled = await accept(work, channel, stream, due=work.now() + timedelta(seconds=600))
    await work.pass_time(601)
    claim = await one(work, channel)
    assert claim.command_id == first.command_id
    await work.log.append(outcome(claim))
    assert await claimed(work, channel) == [scheduled.command_id]


async def test_a_scheduled_command_can_be_called_off(work: Open) -> None:
    channel = new("orders")
    entry = await accept(work, channel, new("t.thing"), due=work.now() + timedelta(seconds=600))
    await work.log.append(by_operator(WorkKind.CANCEL, entry.command_id, 1, channel))
    assert await work.queue.peek(channel, 10) == []
    assert await work.queue.next_due([channel]) is None
    found = await counts(work, channel)
    assert (found.scheduled, found.accepted_total, found.refused_total) == (0, 1, 1)


async def test_nothing_of_a_paused_channel_is_given_out_until_it_goes_on(work: Open) -> None:
    channel = new("orders")
    await work.log.append(by_operator(WorkKind.PAUSE, channel, 0, text="the provider is away"))
    entry = await accept(work, channel, new("t.thing"))
    assert await claimed(work, channel) == []
    found = await counts(work, channel)
    assert (found.paused, found.pause_reason, found.ready) == (True, "the provider is away", 1)
    await work.log.append(by_operator(WorkKind.RESUME, channel, 1))
    assert await claimed(work, channel) == [entry.command_id]
    assert not (await counts(work, channel)).paused


async def test_the_next_moment_at_which_something_can_be_claimed_is_exact(work: Open) -> None:
    channel, other = new("orders"), new("other")
    assert await work.queue.next_due([channel, other]) is None
    await accept(work, channel, new("t.thing"))
    assert await work.queue.next_due([channel]) is None  # it can be claimed now
    claim = await one(work, channel, lease_seconds=100)
    assert await work.queue.next_due([channel]) == pytest.approx(100, abs=1)
    await accept(work, other, new("t.thing"), due=work.now() + timedelta(seconds=50))
    assert await work.queue.next_due([channel, other]) == pytest.approx(50, abs=1)
    await work.queue.put_off(claim, 20, "away")
    assert await work.queue.next_due([channel, other]) == pytest.approx(20, abs=1)
    assert await work.queue.next_due([other]) == pytest.approx(50, abs=1)
    assert await work.queue.next_due([]) is None
    await work.log.append(by_operator(WorkKind.PAUSE, channel, 0))
    assert await work.queue.next_due([channel]) is None


# promise 000-30
async def test_a_failed_command_is_kept_and_can_be_tried_again_or_discarded(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    entry = await accept(work, channel, stream)
    await work.log.append(outcome(await one(work, channel), WorkKind.FAILED, error="broken"))
    assert await claimed(work, channel) == []
    (failed,) = await work.queue.peek(channel, 10, failed=True)
    assert (failed.command_id, failed.state, failed.attempts, failed.error) == (entry.command_id, "failed", 1, "broken")
    assert await work.queue.peek(channel, 10) == []
    await work.log.append(by_operator(WorkKind.REOPEN, entry.command_id, 2, channel))
    claim = await one(work, channel)
    assert (claim.command_id, claim.attempt, claim.version) == (entry.command_id, 1, 3)
    await work.log.append(outcome(claim, WorkKind.FAILED, error="still"))
    await work.log.append(by_operator(WorkKind.DISCARD, entry.command_id, 4, channel))
    assert await work.queue.peek(channel, 10, failed=True) == []
    found = await counts(work, channel)
    assert (found.failed, found.failed_total, found.ready, found.in_flight) == (0, 2, 0, 0)


async def test_a_command_that_is_tried_again_goes_before_those_that_came_after_it(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    first, second, third = [await accept(work, channel, stream) for _ in range(3)]
    await work.log.append(outcome(await one(work, channel), WorkKind.FAILED))
    await work.log.append(by_operator(WorkKind.REOPEN, first.command_id, 2, channel))
    for entry in (first, second, third):
        claim = await one(work, channel)
        assert claim.command_id == entry.command_id
        await work.log.append(outcome(claim))


async def test_commands_that_a_command_sends_wait_like_any_other(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    await accept(work, channel, stream)
    sent = [acceptance(channel, stream), acceptance(channel, new("t.thing"))]
    await work.log.append(sending(outcome(await one(work, channel)), *sent))
    claims = await work.queue.claim(channel, 10, "me", 30)
    assert [claim.command_id for claim in claims] == [entry.command_id for entry in sent]
    await asyncio.gather(*(work.log.append(outcome(claim)) for claim in claims))
    found = await counts(work, channel)
    assert (found.accepted_total, found.succeeded_total, found.ready, found.in_flight) == (3, 3, 0, 0)


# promise 000-33
async def test_a_channel_is_counted_state_by_state(work: Open) -> None:
    channel = new("orders")
    assert await work.queue.counts(channel) == []
    for _ in range(6):
        await accept(work, channel, new("t.thing"))
    await accept(work, channel, new("t.thing"), due=work.now() + timedelta(seconds=600))
    oldest = (await work.queue.peek(channel, 1))[0].accept_time
    waits, fails, done, refused, _ = await work.queue.claim(channel, 5, "me", 30)
    await work.queue.put_off(waits, 60, "away")
    await work.log.append(outcome(fails, WorkKind.FAILED, 300))
    await work.log.append(outcome(done, WorkKind.SUCCEEDED, 11))
    await work.log.append(outcome(refused, WorkKind.REFUSED, 12))
    found = await counts(work, channel)
    assert (found.ready, found.in_flight, found.waiting, found.scheduled, found.failed) == (1, 1, 1, 1, 1)
    assert (found.accepted_total, found.retried_total) == (7, 1)
    assert (found.succeeded_total, found.refused_total, found.failed_total) == (1, 1, 1)
    assert found.run_millis == ((12, 2), (312, 1))
    assert found.oldest_time == oldest
    assert channel in [each.channel for each in await work.queue.counts()]


async def test_an_operator_sees_what_waits_oldest_first(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    entries = [await accept(work, channel, new("t.thing")) for _ in range(3)]
    scheduled = await accept(work, channel, stream, due=work.now() + timedelta(seconds=600))
    claim, *_ = await work.queue.claim(channel, 2, "me", 30)
    await work.queue.put_off(claim, 60, "away")
    found = await work.queue.peek(channel, 10)
    assert [each.command_id for each in found] == [entry.command_id for entry in (*entries, scheduled)]
    assert [each.state for each in found] == ["waiting", "in flight", "ready", "scheduled"]
    assert (found[0].attempts, found[0].error) == (1, "away")
    assert (found[3].stream, found[3].type, found[3].channel) == (stream, "cqrs.t.v1.Do", channel)
    assert (found[3].due_time - work.now()).total_seconds() == pytest.approx(600, abs=5)
    assert await work.queue.peek(channel, 2) == found[:2]
    assert {each.command_id for each in await work.queue.peek("", 100_000)} >= {each.command_id for each in found}


async def test_a_waiting_worker_hears_of_what_was_accepted_even_between_looking_and_waiting(work: Open) -> None:
    channel = new("orders")

    async def work_one() -> list[str]:
        while not (found := await claimed(work, channel)):
            await work.queue.wait(60)
        return found

    async with asyncio.timeout(20):
        for _ in range(20):
            waiting = asyncio.create_task(work_one())
            entry = await accept(work, channel, new("t.thing"))
            assert await waiting == [entry.command_id]


async def test_a_waiting_worker_hears_that_a_follower_is_free_and_that_a_channel_goes_on(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    await accept(work, channel, stream)
    await accept(work, channel, stream)

    async def next_one() -> Claimed:
        while not (found := await work.queue.claim(channel, 1, "other", 30)):
            await work.queue.wait(60)
        return found[0]

    async with asyncio.timeout(20):
        first = await next_one()
        waiting = asyncio.create_task(next_one())
        await work.log.append(outcome(first))
        second = await waiting
        await work.log.append(by_operator(WorkKind.PAUSE, channel, 0))
        await work.queue.give_back([second])
        waiting = asyncio.create_task(next_one())
        await work.log.append(by_operator(WorkKind.RESUME, channel, 1))
        assert (await waiting).command_id == second.command_id


async def test_a_worker_waits_no_longer_than_it_wants(work: Open) -> None:
    await work.queue.claim(new("orders"), 1, "me", 30)
    async with asyncio.timeout(5):
        await work.queue.wait(0.01)
        await work.queue.wait(0.01)


async def test_a_burst_is_worked_off_and_none_of_it_is_lost(work: Open) -> None:
    channel, size = new("orders"), 2_000
    entries = [acceptance(channel, f"{channel}-{number % 500}") for number in range(size)]
    await asyncio.gather(*map(work.log.append, entries))
    done: list[str] = []
    while claims := await work.queue.claim(channel, 500, "me", 30):
        await asyncio.gather(*(work.log.append(outcome(claim)) for claim in claims))
        done += [claim.command_id for claim in claims]
    assert done == [entry.command_id for entry in entries]
    found = await counts(work, channel)
    assert (found.accepted_total, found.succeeded_total, found.ready) == (size, size, 0)


async def test_an_unknown_claim_is_no_error(work: Open) -> None:
    gone = Claimed("nobody", "none", 1, b"", 1, 1, "lease")
    await work.queue.put_off(gone, 1, "away")
    await work.queue.give_back([gone])
    assert await work.queue.renew([gone], 1) == frozenset()


async def test_whatever_an_error_says_it_can_be_kept(work: Open) -> None:
    channel, odd = new("orders"), "\0 \ud800 " + "x" * 10_000
    await accept(work, channel, new("t.thing"))
    await work.queue.put_off(await one(work, channel), 0, odd)
    (queued,) = await work.queue.peek(channel, 1)
    assert queued.error.startswith("\N{REPLACEMENT CHARACTER} ? x")
    assert len(queued.error) < 2_001
    await work.log.append(outcome(await one(work, channel), WorkKind.FAILED, error=odd))
    assert (await work.queue.peek(channel, 1, failed=True))[0].error == queued.error
