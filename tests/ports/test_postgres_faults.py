"""Whatever happens to Postgres or to those who write: what was acknowledged is in the log, once."""

import asyncio

import pytest

from command_service.event_log import EventLog, LogUnavailable, NewRecord, VersionConflict
from command_service.postgres.event_log import PostgresEventLog, open_event_log
from command_service.postgres.migrate import migrate
from ops.embedded import EmbeddedPostgres
from tests.ports.entries import TYPE, adding, assert_sound, entry, unique, whole_log


# promise 004-11
async def test_what_was_acknowledged_survives_kills_of_postgres_once(own_postgres: EmbeddedPostgres) -> None:
    await migrate(own_postgres.dsn("obverse_migrator"), lambda _: None)
    acknowledged: list[bytes] = []
    enough = [asyncio.Event() for _ in range(3)]
    is_over = asyncio.Event()

    async def write(log: EventLog, name: bytes) -> None:
        number = 0
        while not is_over.is_set():
            record = b"%s %d" % (name, number := number + 1)
            await log.append(entry([], [NewRecord(unique(), 1, TYPE, record)]))
            acknowledged.append(record)
            if len(acknowledged) % 300 == 0 and len(acknowledged) <= 900:
                enough[len(acknowledged) // 300 - 1].set()

    async with open_event_log(own_postgres.dsn("obverse_service"), patience_seconds=60) as log:
        writers = [asyncio.create_task(write(log, b"writer %d" % number)) for number in range(16)]
        for kill in enough:
            await kill.wait()
            await asyncio.to_thread(own_postgres.kill)
            await asyncio.to_thread(own_postgres.start)
        is_over.set()
        await asyncio.gather(*writers)
        stored = [logged.record for logged in await whole_log(log)]
        assert sorted(stored) == sorted(acknowledged)
        await assert_sound(log)


async def test_callers_are_told_when_postgres_stays_away_and_served_when_it_is_back(
    own_postgres: EmbeddedPostgres,
) -> None:
    await migrate(own_postgres.dsn("obverse_migrator"), lambda _: None)
    async with open_event_log(own_postgres.dsn("obverse_service"), patience_seconds=0.2) as log:
        own_postgres.kill()
        first = adding(unique(), 0)
        with pytest.raises(LogUnavailable):
            await log.append(first)
        with pytest.raises(LogUnavailable):
            await log.head()
        own_postgres.start()
        assert not (await log.append(first)).replayed
        await asyncio.wait_for(log.wait_beyond(0, 60), 30)


async def test_a_server_that_is_away_at_the_start_is_named(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.stop()
    with pytest.raises(LogUnavailable, match="Postgres cannot be reached"):
        async with open_event_log(own_postgres.dsn("obverse_service")):
            pass


async def test_two_servers_on_one_hot_stream_lose_nothing(migrated: EmbeddedPostgres) -> None:
    stream = unique()

    async def write(log: EventLog) -> None:
        for _ in range(10):
            while True:
                version = len(await log.read_stream(stream))
                try:
                    await log.append(adding(stream, version))
                except VersionConflict:
                    continue
                break

    address = migrated.dsn("obverse_service")
    async with open_event_log(address) as one, open_event_log(address) as other:
        await asyncio.gather(*(write(log) for log in (one, other) for _ in range(4)))
        assert len(await one.read_stream(stream)) == 80
        await assert_sound(other)


async def test_one_server_hears_at_once_what_another_appends(migrated: EmbeddedPostgres) -> None:
    address = migrated.dsn("obverse_service")
    async with open_event_log(address) as writer, open_event_log(address) as reader:
        head = await reader.head()
        waiting = asyncio.create_task(reader.wait_beyond(head.position, 60))
        await writer.append(adding(unique(), 0))
        await asyncio.wait_for(waiting, 5)


async def test_an_entry_that_the_server_cannot_store_spares_its_neighbours(postgres_log: PostgresEventLog) -> None:
    streams = [unique(), unique("nul\x00"), unique(), unique("\ud800")]
    futures = [postgres_log.append(adding(stream, 0)) for stream in streams]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(outcome, BaseException) for outcome in outcomes] == [False, True, False, True]


async def test_leaving_sends_what_still_waits(migrated: EmbeddedPostgres) -> None:
    stream = unique()
    async with open_event_log(migrated.dsn("obverse_service")) as log:
        futures = [log.append(adding(stream, version)) for version in range(100)]
    assert all(future.done() for future in futures)
    await asyncio.gather(*futures)
