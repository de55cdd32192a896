"""The event log as a port: whatever stores it, these hold."""

import asyncio

import pytest

from command_service.decider import Claim
from command_service.event_log import (
    Appended,
    ClaimTaken,
    CommandIdReused,
    EventLog,
    NewRecord,
    RecordTooLarge,
    VersionConflict,
)
from runtime.record import LARGEST_RECORD_BYTES
from tests.ports.entries import RECEIPT, TYPE, adding, assert_sound, entry, records, unique

Outcome = Appended | BaseException


def _errors(outcomes: list[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)]


# promise 004-11
async def test_twenty_racing_writers_on_one_stream_all_get_in_one_after_another(log: EventLog) -> None:
    stream = unique()

    async def write() -> None:
        while True:
            version = len(await log.read_stream(stream))
            try:
                await log.append(adding(stream, version))
            except VersionConflict:
                continue
            return

    await asyncio.gather(*(write() for _ in range(20)))
    stored = await log.read_stream(stream)
    assert [logged.record for logged in stored] == [b"record %d" % version for version in range(1, 21)]
    await assert_sound(log)


async def test_of_entries_decided_on_the_same_version_in_one_batch_the_first_wins(log: EventLog) -> None:
    stream, other = unique(), unique()
    contenders = [log.append(adding(stream, 0)) for _ in range(3)]
    neighbour = log.append(adding(other, 0))
    outcomes = await asyncio.gather(*contenders, return_exceptions=True)
    assert isinstance(outcomes[0], Appended)
    assert _errors(list(outcomes)) == [VersionConflict, VersionConflict]
    assert isinstance(outcomes[1], VersionConflict)
    assert (outcomes[1].stream, outcomes[1].expected, outcomes[1].actual) == (stream, 0, 1)
    assert str(outcomes[1]) == "Expected version 0, got 1"
    assert not (await neighbour).replayed


async def test_entries_of_one_batch_see_what_their_predecessors_wrote(log: EventLog) -> None:
    stream = unique()
    futures = [log.append(adding(stream, 2 * step, 2)) for step in range(30)]
    positions = [appended.position for appended in await asyncio.gather(*futures)]
    assert positions == list(range(positions[0], positions[0] + 60, 2))
    assert len(await log.read_stream(stream)) == 60


# promise 001-52
async def test_a_command_id_has_one_effect_and_one_receipt_also_within_one_batch(log: EventLog) -> None:
    stream = unique()
    first = adding(stream, 0)
    outcomes = await asyncio.gather(*(log.append(first) for _ in range(5)))
    again = await log.append(first)
    assert [outcome.replayed for outcome in (*outcomes, again)] == [False] + [True] * 5
    assert {(outcome.position, outcome.receipt) for outcome in (*outcomes, again)} == {(outcomes[0].position, RECEIPT)}
    assert len(await log.read_stream(stream)) == 1


# promise 001-52
async def test_a_retry_is_told_what_its_first_attempt_did_whatever_it_decides_now(log: EventLog) -> None:
    stream, command_id = unique(), unique("command")
    first = await log.append(adding(stream, 0, command_id=command_id))
    for retry in (adding(stream, 1, command_id=command_id), entry([(stream, 0)], command_id=command_id, receipt=None)):
        replay = await log.append(retry)
        assert replay == Appended(first.epoch, first.position, replayed=True, receipt=RECEIPT, state=2)
    assert len(await log.read_stream(stream)) == 1


async def test_a_command_id_cannot_be_used_for_another_request(log: EventLog) -> None:
    stream, command_id = unique(), unique("command")
    outcomes = await asyncio.gather(
        log.append(adding(stream, 0, command_id=command_id, request=b"one")),
        log.append(adding(stream, 1, command_id=command_id, request=b"another")),
        return_exceptions=True,
    )
    assert _errors(list(outcomes)) == [CommandIdReused]
    with pytest.raises(CommandIdReused):
        await log.append(entry([], command_id=command_id, request=b"another", receipt=None))
    assert len(await log.read_stream(stream)) == 1


async def test_several_streams_of_one_entry_are_written_together_or_not_at_all(log: EventLog) -> None:
    debit, credit = unique(), unique()
    await log.append(adding(credit, 0))
    with pytest.raises(VersionConflict, match="Expected version 0, got 1"):
        await log.append(entry([(debit, 0), (credit, 0)], (*records(debit, 0), *records(credit, 0))))
    assert await log.read_stream(debit) == []
    await log.append(entry([(debit, 0), (credit, 1)], (*records(debit, 0, 2), *records(credit, 1))))
    assert (len(await log.read_stream(debit)), len(await log.read_stream(credit))) == (2, 2)
    await assert_sound(log)


async def test_a_stream_that_was_only_read_conflicts_too(log: EventLog) -> None:
    read, written = unique(), unique()
    await log.append(adding(read, 0))
    with pytest.raises(VersionConflict):
        await log.append(entry([(read, 0), (written, 0)], records(written, 0)))
    assert await log.read_stream(written) == []


async def test_a_record_that_does_not_follow_on_its_stream_is_a_conflict(log: EventLog) -> None:
    stream, neighbour = unique(), unique()
    outcomes = await asyncio.gather(
        log.append(entry([(stream, 0)], records(stream, 1))),
        log.append(entry([], records(stream, 0, 2)[::-1])),
        log.append(adding(neighbour, 0)),
        return_exceptions=True,
    )
    assert _errors(list(outcomes)) == [VersionConflict, VersionConflict]
    assert await log.read_stream(stream) == []


async def test_a_quiet_success_is_stored_under_its_command_id(log: EventLog) -> None:
    stream = unique()
    quiet = entry([(stream, 0)])
    head = await log.head()
    first, again = await log.append(quiet), await log.append(quiet)
    assert (first.replayed, again.replayed, again.receipt) == (False, True, RECEIPT)
    assert first.position == again.position == head.position == (await log.head()).position


async def test_an_entry_that_only_checks_stores_nothing(log: EventLog) -> None:
    stream = unique()
    await log.append(adding(stream, 0))
    head = await log.head()
    check = entry([(stream, 1)], records(stream, 1), [Claim("name", stream, "me")], receipt=None)
    for _ in range(2):
        assert await log.append(check) == Appended(head.epoch, head.position, replayed=False, receipt=None)
    with pytest.raises(VersionConflict):
        await log.append(entry([(stream, 0)], receipt=None))
    assert await log.head() == head
    assert not (await log.append(entry([], claims=[Claim("name", stream, "you")]))).replayed


async def test_of_racing_claims_on_one_name_one_wins(log: EventLog) -> None:
    name = unique("name")
    claims = [entry([], records(unique(), 0), [Claim("username", name, f"user {n}")]) for n in range(10)]
    outcomes = await asyncio.gather(*map(log.append, claims), return_exceptions=True)
    assert _errors(list(outcomes)) == [ClaimTaken] * 9
    assert await log.append(entry([], claims=[Claim("another scope", name, "user 11")]))


async def test_a_claim_can_be_released_by_its_owner_alone_and_then_taken(log: EventLog) -> None:
    name = unique("name")
    await log.append(entry([], claims=[Claim("username", name, "ann")]))
    await log.append(entry([], claims=[Claim("username", name, "ann")]))
    with pytest.raises(ClaimTaken, match=r"username .* is taken"):
        await log.append(entry([], claims=[Claim("username", name, "bob", release=True)]))
    swap = [Claim("username", name, "ann", release=True), Claim("username", name, "bob")]
    await log.append(entry([], claims=swap))
    with pytest.raises(ClaimTaken):
        await log.append(entry([], claims=[Claim("username", name, "ann")]))


async def test_a_record_may_be_as_large_as_the_stream_takes_and_no_larger(log: EventLog) -> None:
    stream, neighbour = unique(), unique()
    large = NewRecord(stream, 1, TYPE, b"x" * (LARGEST_RECORD_BYTES + 1))
    fits = NewRecord(neighbour, 1, TYPE, b"x" * LARGEST_RECORD_BYTES)
    outcomes = await asyncio.gather(
        log.append(entry([], [large])), log.append(entry([], [fits])), return_exceptions=True
    )
    assert _errors(list(outcomes)) == [RecordTooLarge]
    assert len((await log.read_stream(neighbour))[0].record) == LARGEST_RECORD_BYTES


async def test_a_caller_that_goes_away_leaves_its_entry_and_its_neighbours_whole(log: EventLog) -> None:
    stream = unique()
    futures = [log.append(adding(stream, version)) for version in range(10)]
    futures[4].cancel()
    await asyncio.gather(*futures, return_exceptions=True)
    assert len(await log.read_stream(stream)) == 10
