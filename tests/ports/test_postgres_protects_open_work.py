"""The database defends receipts and open work: what moves on does so by its functions, and in one direction."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from command_service.event_log import EventLog, LogUnavailable
from command_service.postgres.event_log import open_event_log
from command_service.postgres.migrate import FOLDER, migrate
from command_service.postgres.process_store import open_process_store
from command_service.postgres.work_queue import open_work_queue
from command_service.work import WorkKind
from command_service.work_queue import Claimed, WorkQueue
from ops.embedded import EmbeddedPostgres
from tests.ports.entries import adding
from tests.ports.work import (
    ACCEPTED,
    FAILED,
    REFUSED,
    SUCCEEDED,
    acceptance,
    by_operator,
    eventually,
    new,
    outcome,
)

WRITES = (
    "UPDATE obverse.open_commands SET attempts = 0",
    "DELETE FROM obverse.open_commands",
    "INSERT INTO obverse.channels (channel) VALUES ('c')",
    "UPDATE obverse.channels SET paused = true",
    "DELETE FROM obverse.channel_retries",
    "DELETE FROM obverse.channel_run_times",
    "DELETE FROM obverse.timers",
    "UPDATE obverse.process_checkpoints SET position = 0",
    "UPDATE obverse.receipts SET state = 2 WHERE state = 1",
    "SELECT obverse.change_work(now(), '{8}', '{c}', '{c}', '{}', '{}', '{}', '{}', '{x}', '{}', '{}', '{}')",
)
MOVES = (
    "state = 2, command_id = 'another'",
    "state = 2, request_hash = ''",
    "state = 2, stored_time = now()",
    "state = 2, position = 0",
    "state = 0",
    "state = 1",
    "state = 5",
    "receipt = 'another'",
    "position = position + 1",
)


@pytest.fixture
async def superuser(migrated: EmbeddedPostgres) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(migrated.dsn("postgres"))
    yield connection
    await connection.close()


# promise 000-52
@pytest.mark.parametrize("statement", WRITES)
async def test_a_service_changes_open_work_by_its_functions_alone(migrated: EmbeddedPostgres, statement: str) -> None:
    service = await asyncpg.connect(migrated.dsn("obverse_service"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute(statement)
    await service.close()


async def _receipt(migrated: EmbeddedPostgres, state: int) -> str:
    """The id of a command whose receipt is in a state."""
    kinds = {SUCCEEDED: WorkKind.SUCCEEDED, REFUSED: WorkKind.REFUSED, FAILED: WorkKind.FAILED}
    channel, address = new("orders"), migrated.dsn("obverse_service")
    async with open_event_log(address) as log, open_work_queue(address) as queue:
        entry = acceptance(channel, new("t.thing"))
        await log.append(entry)
        if state != ACCEPTED:
            (claim,) = await queue.claim(channel, 1, "me", 30)
            await log.append(outcome(claim, kinds[state]))
    return entry.command_id


# promise 000-52
@pytest.mark.parametrize("mode", ["origin", "replica"])
async def test_not_even_a_superuser_moves_a_receipt_elsewhere_than_on(
    superuser: "asyncpg.Connection[asyncpg.Record]", migrated: EmbeddedPostgres, mode: str
) -> None:
    await superuser.execute(f"SET session_replication_role = {mode}")
    for state in (ACCEPTED, SUCCEEDED, REFUSED, FAILED):
        command_id = await _receipt(migrated, state)
        others = (f"state = {other}" for other in (ACCEPTED, SUCCEEDED, REFUSED, FAILED) if state != ACCEPTED)
        moves = [*MOVES, *others, "state = 1, receipt = 'another'", "state = 1, position = position + 1"]
        for move in moves:
            if (state, move) in ((FAILED, "state = 1"),):
                continue
            with pytest.raises(asyncpg.RestrictViolationError, match="stays as it is"):
                await superuser.execute(f"UPDATE obverse.receipts SET {move} WHERE command_id = '{command_id}'")
        with pytest.raises(asyncpg.RestrictViolationError):
            await superuser.execute(f"DELETE FROM obverse.receipts WHERE command_id = '{command_id}'")


async def test_a_receipt_moves_on_to_its_outcome_and_back_only_to_be_tried_again(
    superuser: "asyncpg.Connection[asyncpg.Record]", migrated: EmbeddedPostgres
) -> None:
    command_id = await _receipt(migrated, ACCEPTED)
    for move in ("state = 4, receipt = 'failed', position = position + 1", "state = 1", "state = 3"):
        assert (
            await superuser.execute(f"UPDATE obverse.receipts SET {move} WHERE command_id = '{command_id}'")
            == "UPDATE 1"
        )


async def test_a_log_of_the_version_before_is_migrated_whole(
    postgres: EmbeddedPostgres, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    database = new_database("older")
    older = shutil.copytree(FOLDER, tmp_path / "migrations")
    for later in older.glob("000[4-9]_*.sql"):
        later.unlink()
    await migrate(postgres.dsn("obverse_migrator", database), lambda _: None, older)
    first = adding(new("t.thing"), 0)
    service = await asyncpg.connect(postgres.dsn("obverse_service", database))
    arrays = ([first.command_id], [first.request_hash], [2], [first.receipt], [1], [1], [0], *([[]] * 11))
    record = first.records[0]
    reads = ([record.stream], [0], [0])
    written = ([record.stream], [1], [record.type], [record.record])
    await service.fetch(
        "SELECT * FROM obverse.append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)",
        *arrays[:7],
        *reads,
        *written,
        *arrays[14:],
    )
    receipts = await service.fetch("SELECT * FROM obverse.receipts")
    log = await service.fetch("SELECT * FROM obverse.log")
    await migrate(postgres.dsn("obverse_migrator", database), lambda _: None)
    assert await service.fetch("SELECT * FROM obverse.receipts") == receipts
    assert await service.fetch("SELECT * FROM obverse.log") == log
    again = await service.fetchrow(
        "SELECT * FROM obverse.append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)",
        *arrays[:7],
        *reads,
        *written,
        *arrays[14:],
    )
    assert again is not None
    assert (again["outcome"], again["stored_state"]) == (1, 2)
    await service.close()
    async with open_event_log(postgres.dsn("obverse_service", database)) as event_log:
        assert (await event_log.append(first)).state == SUCCEEDED
        assert not (await event_log.append(acceptance("orders", new("t.thing")))).replayed


async def test_plans_made_while_nothing_was_open_read_no_table_from_end_to_end(
    postgres: EmbeddedPostgres, new_database: Callable[[str], str]
) -> None:
    database = new_database("busy")
    await migrate(postgres.dsn("obverse_migrator", database), lambda _: None)
    superuser = await asyncpg.connect(postgres.dsn("postgres", database))
    before = await _scans(superuser)
    address, rounds, size = postgres.dsn("obverse_service", database), 10, 200
    async with open_event_log(address) as log, open_work_queue(address) as queue:
        for number in range(rounds):
            entries = [acceptance("orders", f"stream-{each % 50}", most_open=100_000) for each in range(size)]
            await asyncio.gather(*map(log.append, entries))
            await log.append(replace(acceptance("other", "s"), request_hash=b"1"))
            claims = await queue.claim("orders", 50, "me", 30)
            await queue.renew(claims, 30)
            await queue.put_off(claims[0], 0, "away")
            await queue.give_back(claims[1:2])
            await queue.next_due(["orders", "other"])
            kinds = [WorkKind.SUCCEEDED, WorkKind.FAILED]
            await asyncio.gather(*(log.append(outcome(claim, kinds[n % 2])) for n, claim in enumerate(claims[2:])))
            await log.append(by_operator(WorkKind.PAUSE, f"channel {number}", 0))
            await log.append(by_operator(WorkKind.REOPEN, claims[3].command_id, 2, "orders"))

    async def is_counted() -> bool:
        return int((await _scans(superuser))["by_index"]) > int(before["by_index"]) + rounds * size

    await eventually(is_counted, 30)  # a session counts in when it ends
    after = await _scans(superuser)
    await superuser.close()
    assert after["end_to_end"] == before["end_to_end"]
    # Nor by an index from end to end: no command is looked at more often than it changes.
    assert after["fetched"] - before["fetched"] < 6 * rounds * size


async def _scans(superuser: "asyncpg.Connection[asyncpg.Record]") -> asyncpg.Record:
    row = await superuser.fetchrow(
        "SELECT sum(seq_scan) AS end_to_end, sum(idx_scan) AS by_index, sum(idx_tup_fetch) AS fetched"
        " FROM pg_stat_user_tables WHERE relname IN ('log', 'receipts', 'open_commands', 'timers')"
    )
    assert row is not None
    return row


async def test_workers_are_told_when_postgres_is_away_and_served_when_it_is_back(
    own_postgres: EmbeddedPostgres,
) -> None:
    await migrate(own_postgres.dsn("obverse_migrator"), lambda _: None)
    address = own_postgres.dsn("obverse_service")
    async with open_event_log(address) as log, open_work_queue(address) as queue, open_process_store(address) as store:
        entry = acceptance("orders", "t.thing-1")
        await log.append(entry)
        async with store.alone("p") as alone:
            assert alone
            own_postgres.kill()
            for asking in (queue.claim("orders", 1, "me", 1), queue.counts(), store.checkpoint("p")):
                with pytest.raises(LogUnavailable):
                    await asking
            with pytest.raises(LogUnavailable):
                async with store.alone("p"):
                    pass
            async with asyncio.timeout(5):
                await queue.wait(60)  # nothing can be heard, so it polls
        own_postgres.start()
        assert [claim.command_id for claim in await queue.claim("orders", 1, "me", 1)] == [entry.command_id]


async def test_workers_and_appends_never_stand_in_one_another_s_way(
    postgres: EmbeddedPostgres, new_database: Callable[[str], str]
) -> None:
    database = new_database("crowded")
    await migrate(postgres.dsn("obverse_migrator", database), lambda _: None)
    address, size = postgres.dsn("obverse_service", database), 600

    async def worker(name: str, log: EventLog, queue: WorkQueue) -> int:
        done = 0
        while claims := await queue.claim("orders", 8, name, 30) or await _more(queue):
            rest = asyncio.gather(queue.renew(claims, 30), queue.give_back(claims[6:]), queue.renew(claims, 30))
            for claim in claims[4:6]:
                await queue.put_off(claim, 0.001, "away")
            ended = await asyncio.gather(*(log.append(outcome(claim)) for claim in claims[:4]))
            done += sum(not each.replayed for each in ended)
            await rest
        return done

    async def _more(queue: WorkQueue) -> Sequence[Claimed]:
        while await queue.peek("orders", 1):
            if claims := await queue.claim("orders", 8, "late", 30):
                return claims
            await queue.wait(0.01)
        return ()

    async with AsyncExitStack() as stack:
        logs = [await stack.enter_async_context(open_event_log(address)) for _ in range(3)]
        queues = [await stack.enter_async_context(open_work_queue(address)) for _ in range(3)]
        entries = [acceptance("orders", f"stream-{number % 40}") for number in range(size)]
        await asyncio.gather(*(logs[number % 3].append(entry) for number, entry in enumerate(entries)))
        workers = (worker(f"worker {number}", logs[number % 3], queues[number % 3]) for number in range(6))
        async with asyncio.timeout(60):
            assert sum(await asyncio.gather(*workers)) == size
        (found,) = await queues[0].counts("orders")
        assert (found.succeeded_total, found.ready, found.in_flight, found.waiting) == (size, 0, 0, 0)
    superuser = await asyncpg.connect(postgres.dsn("postgres", database))
    assert await superuser.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = $1", database) == 0
    await superuser.close()
