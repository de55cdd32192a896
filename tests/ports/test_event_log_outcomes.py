"""Accepted commands in the log, as a port: their receipts move on once, and full channels take no more."""

import asyncio
from dataclasses import replace

import pytest

from command_service.event_log import Appended, ChannelFull, CommandIdReused, VersionConflict
from command_service.work import WorkKind
from tests.ports.entries import adding, assert_sound, records
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
    sending,
)


async def test_an_acceptance_is_answered_and_replayed_as_accepted(work: Open) -> None:
    entry = acceptance(new("orders"), new("t.thing"))
    first, again = await asyncio.gather(work.log.append(entry), work.log.append(entry))
    assert (first.state, first.replayed, first.receipt) == (ACCEPTED, False, b"accepted")
    assert again == Appended(first.epoch, first.position, True, b"accepted", ACCEPTED)
    with pytest.raises(CommandIdReused):
        await work.log.append(replace(entry, request_hash=b"another"))


# promise 000-19
@pytest.mark.parametrize(
    ("kind", "state"),
    [(WorkKind.SUCCEEDED, SUCCEEDED), (WorkKind.REFUSED, REFUSED), (WorkKind.FAILED, FAILED)],
)
async def test_an_outcome_takes_the_place_of_the_acceptance_once(work: Open, kind: WorkKind, state: int) -> None:
    channel, stream = new("orders"), new("t.thing")
    entry = await accept(work, channel, stream)
    end = outcome(await one(work, channel), kind, more=records(stream, 0, 2))
    first = await work.log.append(end)
    assert (first.state, first.replayed, first.position) == (state, False, (await work.log.head()).position)
    for again in (end, entry, replace(end, receipt=None)):
        assert await work.log.append(again) == Appended(first.epoch, first.position, True, end.receipt, state)
    assert len(await work.log.read_stream(stream)) == 2
    assert len(await work.log.read_stream(f"command-{entry.command_id}")) == 2
    with pytest.raises(CommandIdReused):
        await work.log.append(replace(entry, request_hash=b"another"))


# promise 000-21
async def test_of_two_workers_with_the_same_command_one_appends_and_the_other_is_told(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    await accept(work, channel, stream)
    late = await one(work, channel, lease_seconds=1)
    await work.pass_time(2)
    second = await one(work, channel)
    ends = [outcome(claim, more=records(stream, 0)) for claim in (second, late)]
    first, replayed = await asyncio.gather(*map(work.log.append, ends))
    assert (first.replayed, replayed.replayed, replayed.position) == (False, True, first.position)
    assert len(await work.log.read_stream(stream)) == 1


async def test_an_outcome_whose_decision_is_out_of_date_changes_nothing(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    await accept(work, channel, stream)
    claim = await one(work, channel)
    await work.log.append(adding(stream, 0))
    end = outcome(claim, more=records(stream, 0))
    with pytest.raises(VersionConflict):
        await work.log.append(replace(end, reads=(*end.reads, (stream, 0))))
    again = outcome(claim, more=records(stream, 1))
    assert (await work.log.append(replace(again, reads=(*again.reads, (stream, 1))))).state == SUCCEEDED


async def test_an_outcome_can_be_checked_without_being_stored(work: Open) -> None:
    channel = new("orders")
    entry = await accept(work, channel, new("t.thing"))
    end = outcome(await one(work, channel))
    checked = await work.log.append(replace(end, receipt=None))
    assert (checked.replayed, checked.state) == (False, 0)
    assert (await work.log.append(entry)).state == ACCEPTED
    assert not (await work.log.append(end)).replayed


async def test_an_outcome_of_a_command_that_was_never_accepted_is_refused(work: Open) -> None:
    channel = new("orders")
    await accept(work, channel, new("t.thing"))
    end = outcome(await one(work, channel))
    with pytest.raises(CommandIdReused):
        await work.log.append(replace(end, command_id=new("nobody")))


async def test_acceptance_and_outcome_may_be_of_one_batch(work: Open) -> None:
    channel, stream = new("orders"), new("t.thing")
    entry = await accept(work, channel, stream)
    claim = await one(work, channel)
    follower = acceptance(channel, stream)
    await asyncio.gather(*map(work.log.append, (follower, outcome(claim), entry, acceptance(new("x"), stream))))
    assert await claimed(work, channel) == [follower.command_id]


async def test_a_failed_command_that_is_tried_again_is_accepted_again(work: Open) -> None:
    channel = new("orders")
    entry = await accept(work, channel, new("t.thing"))
    await work.log.append(outcome(await one(work, channel), WorkKind.FAILED))
    await work.log.append(by_operator(WorkKind.REOPEN, entry.command_id, 2, channel))
    assert (await work.log.append(entry)).state == ACCEPTED
    assert (await work.log.append(outcome(await one(work, channel)))).state == SUCCEEDED
    final = await work.log.append(entry)
    assert (final.state, final.receipt) == (SUCCEEDED, b"succeeded")


async def test_a_discarded_command_stays_failed(work: Open) -> None:
    channel = new("orders")
    entry = await accept(work, channel, new("t.thing"))
    await work.log.append(outcome(await one(work, channel), WorkKind.FAILED))
    await work.log.append(by_operator(WorkKind.DISCARD, entry.command_id, 2, channel))
    assert (await work.log.append(entry)).state == FAILED


async def test_a_command_that_was_called_off_is_refused_to_its_caller_and_its_worker(work: Open) -> None:
    channel = new("orders")
    entry = await accept(work, channel, new("t.thing"))
    claim = await one(work, channel)
    await work.log.append(by_operator(WorkKind.CANCEL, entry.command_id, 1, channel))
    answer = await work.log.append(entry)
    assert (answer.state, answer.receipt) == (REFUSED, b"accepted")
    assert (await work.log.append(outcome(claim))).replayed


# promise 000-35
async def test_a_full_channel_takes_no_more_until_something_is_done(work: Open) -> None:
    channel, other = new("orders"), new("other")

    def one_more(where: str) -> asyncio.Future[Appended]:
        return work.log.append(acceptance(where, new("t.thing"), most_open=3))

    outcomes = await asyncio.gather(*(one_more(channel) for _ in range(5)), one_more(other), return_exceptions=True)
    assert [type(each) for each in outcomes] == [Appended] * 3 + [ChannelFull] * 2 + [Appended]
    assert isinstance(outcomes[3], ChannelFull)
    assert outcomes[3].channel == channel
    claim, *_ = await work.queue.claim(channel, 1, "me", 30)
    with pytest.raises(ChannelFull, match=channel):
        await one_more(channel)
    await work.log.append(outcome(claim, WorkKind.FAILED))
    await one_more(channel)
    with pytest.raises(ChannelFull):
        await one_more(channel)
    assert (await accept(work, channel, new("t.thing"))).command_id  # no bound of its own


async def test_what_is_sent_is_accepted_with_its_sender_or_not_at_all(work: Open) -> None:
    channel, full = new("orders"), new("full")
    await accept(work, channel, new("t.thing"))
    claim = await one(work, channel)
    sent = [acceptance(full, new("t.thing"), most_open=1, request=b"%d" % number) for number in range(2)]
    with pytest.raises(ChannelFull):
        await work.log.append(sending(outcome(claim), *sent))
    assert await work.queue.peek(full, 10) == []
    assert (await work.log.append(sending(outcome(claim), sent[0]))).state == SUCCEEDED
    assert await claimed(work, full) == [sent[0].command_id]
    answer = await work.log.append(sent[0])
    assert (answer.state, answer.replayed, answer.receipt) == (ACCEPTED, True, b"")
    with pytest.raises(CommandIdReused):
        await work.log.append(replace(sent[0], request_hash=b"another"))
    await assert_sound(work.log)


async def test_a_command_cannot_be_sent_under_an_id_that_is_in_use(work: Open) -> None:
    channel = new("orders")
    twin, known = acceptance(channel, new("t.thing")), acceptance(channel, new("t.thing"))
    sender = adding(new("t.thing"), 0)
    await work.log.append(adding(new("t.thing"), 0, command_id=known.command_id))
    head = await work.log.head()
    for sent, error in (((known,), CommandIdReused), ((twin, twin), VersionConflict)):
        with pytest.raises(error):
            await work.log.append(sending(sender, *sent))
    assert await work.log.head() == head
    assert not (await work.log.append(sending(sender, twin))).replayed
    assert [each.command_id for each in await work.queue.peek(channel, 10)] == [twin.command_id]
