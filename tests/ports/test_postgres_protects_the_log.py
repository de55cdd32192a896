"""The database defends the log itself: against services, owners and superusers, settings, and ageing plans."""

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from command_service.event_log import VersionConflict
from command_service.postgres.batch import Batch
from command_service.postgres.event_log import PostgresEventLog, open_event_log
from command_service.postgres.migrate import migrate
from command_service.postgres.queries import query
from command_service.postgres.server_check import UnsuitableServer
from ops.embedded import EmbeddedPostgres
from tests.ports.entries import adding, unique

CHANGES = (
    "UPDATE obverse.log SET record = ''",
    "UPDATE obverse.log SET record = '' WHERE false",
    "DELETE FROM obverse.log",
    "TRUNCATE obverse.log",
    "UPDATE obverse.receipts SET receipt = ''",
    "DELETE FROM obverse.receipts",
    "TRUNCATE obverse.receipts CASCADE",
    "DELETE FROM obverse.head",
    "TRUNCATE obverse.head",
)
WRITES = (
    *CHANGES,
    "UPDATE obverse.head SET position = 0",
    "INSERT INTO obverse.log VALUES (1, 's', 1, 't', '', '')",
    "INSERT INTO obverse.receipts VALUES ('c', '', 0, 0, '')",
    "INSERT INTO obverse.claims VALUES ('scope', 'value', 'owner')",
    "INSERT INTO obverse.migrations VALUES (1000, '', '')",
    "ALTER TABLE obverse.log DISABLE TRIGGER ALL",
    "DROP TABLE obverse.log",
    "DROP FUNCTION obverse.append",
    "SELECT obverse.apply_claims(1, 1, '{a}', '{b}', '{c}', '{false}')",
)


@pytest.fixture
async def service(migrated: EmbeddedPostgres) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(migrated.dsn("obverse_service"))
    yield connection
    await connection.close()


# promise 000-52
@pytest.mark.parametrize("statement", WRITES)
async def test_a_service_can_write_nothing_but_by_append(
    service: "asyncpg.Connection[asyncpg.Record]", statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute(statement)


# promise 000-52
@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize("statement", CHANGES)
async def test_not_even_a_superuser_changes_what_is_in_the_log(
    postgres_log: PostgresEventLog, postgres: EmbeddedPostgres, statement: str, mode: str
) -> None:
    await postgres_log.append(adding(unique(), 0))
    superuser = await asyncpg.connect(postgres.dsn("postgres"))
    await superuser.execute(f"SET session_replication_role = {mode}")
    with pytest.raises(asyncpg.RestrictViolationError, match="stays as it is"):
        await superuser.execute(statement)
    await superuser.close()


async def test_an_append_is_flushed_whatever_the_session_has_set(
    service: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    await service.execute("SET synchronous_commit = off")
    async with service.transaction():
        await service.fetch(query("append"), *Batch([adding(unique(), 0)]).arguments())
        assert await service.fetchval("SHOW synchronous_commit") == "on"
    assert await service.fetchval("SHOW synchronous_commit") == "off"
    before = await service.fetchval("SELECT pg_current_wal_insert_lsn()")
    await service.fetch(query("append"), *Batch([adding(unique(), 0)]).arguments())
    assert await service.fetchval("SELECT pg_current_wal_flush_lsn()") > before


async def test_a_server_that_does_not_flush_is_refused_with_the_reason(
    postgres: EmbeddedPostgres, new_database: Callable[[str], str]
) -> None:
    database = new_database("careless")
    await migrate(postgres.dsn("obverse_migrator", database), lambda _: None)
    superuser = await asyncpg.connect(postgres.dsn("postgres"))
    await superuser.execute(f"ALTER ROLE obverse_service IN DATABASE {database} SET synchronous_commit = off")
    await superuser.close()
    with pytest.raises(UnsuitableServer, match="synchronous_commit is off: set it to on"):
        async with open_event_log(postgres.dsn("obverse_service", database)):
            pass


async def test_a_database_without_the_schema_is_refused_with_the_remedy(
    postgres: EmbeddedPostgres, new_database: Callable[[str], str]
) -> None:
    with pytest.raises(UnsuitableServer, match="run `obverse migrate`"):
        async with open_event_log(postgres.dsn("obverse_service", new_database("unmigrated"))):
            pass


async def test_plans_made_while_the_log_was_empty_read_no_table_from_end_to_end(
    postgres: EmbeddedPostgres, new_database: Callable[[str], str]
) -> None:
    database = new_database("growing")
    await migrate(postgres.dsn("obverse_migrator", database), lambda _: None)
    superuser = await asyncpg.connect(postgres.dsn("postgres", database))
    before = await _scans(superuser)
    async with open_event_log(postgres.dsn("obverse_service", database)) as log:
        for _ in range(10):
            stream = unique()
            await log.append(adding(stream, 0, 100))
            with pytest.raises(VersionConflict):
                await log.append(adding(stream, 0))
            await log.read_stream(stream)
            await log.read_log((await log.head()).position - 1, 10)
    async with asyncio.timeout(30):
        after = await _scans(superuser)
        while after["by_index"] < before["by_index"] + 50:  # a session counts in when it ends
            await asyncio.sleep(0.01)
            after = await _scans(superuser)
    await superuser.close()
    assert after["end_to_end"] == before["end_to_end"]


async def _scans(superuser: "asyncpg.Connection[asyncpg.Record]") -> asyncpg.Record:
    """How often the two large tables were read, in each way."""
    row = await superuser.fetchrow(
        "SELECT sum(seq_scan) AS end_to_end, sum(idx_scan) AS by_index FROM pg_stat_user_tables"
        " WHERE relname IN ('log', 'receipts')"
    )
    assert row is not None
    return row
