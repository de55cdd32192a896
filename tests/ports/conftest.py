"""A Postgres for the tests of the ports, and the event log in each of its two forms."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from command_service.event_log import EventLog
from command_service.memory_event_log import MemoryEventLog
from command_service.memory_work import MemoryWork
from command_service.postgres.event_log import PostgresEventLog, open_event_log
from command_service.postgres.migrate import migrate
from command_service.postgres.process_store import open_process_store
from command_service.postgres.work_queue import open_work_queue
from ops.embedded import EmbeddedPostgres
from tests.ports.work import Clock, Open


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
async def migrated(postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    await migrate(postgres.dsn("obverse_migrator"), lambda _: None)
    return postgres


@pytest.fixture
async def postgres_log(migrated: EmbeddedPostgres) -> AsyncIterator[PostgresEventLog]:
    async with open_event_log(migrated.dsn("obverse_service")) as log:
        yield log


@pytest.fixture(params=["memory", "postgres"])
async def log(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> AsyncIterator[EventLog]:
    """The port, once for each adapter."""
    if request.param == "memory":
        yield MemoryEventLog()
        return
    await migrate(postgres.dsn("obverse_migrator"), lambda _: None)
    async with open_event_log(postgres.dsn("obverse_service")) as opened:
        yield opened


@pytest.fixture(params=["memory", "postgres"])
async def work(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> AsyncIterator[Open]:
    """The worker's ports beside their log, once for each adapter."""
    if request.param == "memory":
        clock = Clock()
        log = MemoryEventLog(clock)
        both = MemoryWork(log)
        yield Open(log, both, both, clock.pass_time, clock)
        return
    await migrate(postgres.dsn("obverse_migrator"), lambda _: None)
    async with AsyncExitStack() as stack:
        yield await opened(stack, postgres, "obverse")


async def opened(stack: AsyncExitStack, postgres: EmbeddedPostgres, database: str) -> Open:
    """The same on a database of Postgres, whose clock cannot be moved: what waits is moved instead."""
    superuser = await asyncpg.connect(postgres.dsn("postgres", database))
    stack.push_async_callback(superuser.close)
    address = postgres.dsn("obverse_service", database)

    async def pass_time(seconds: float) -> None:
        step = f"interval '{seconds} seconds'"
        await superuser.execute(
            f"UPDATE obverse.open_commands SET accept_time = accept_time - {step}, due_time = due_time - {step},"
            f" claimable_from = claimable_from - {step};"
            f" UPDATE obverse.timers SET due_time = due_time - {step}"
        )

    return Open(
        await stack.enter_async_context(open_event_log(address)),
        await stack.enter_async_context(open_work_queue(address)),
        await stack.enter_async_context(open_process_store(address)),
        pass_time,
        lambda: datetime.now(UTC),
    )


@pytest.fixture
def new_database(postgres: EmbeddedPostgres) -> Callable[[str], str]:
    """Makes an empty database; gives its name."""

    def make(name: str) -> str:
        postgres.create_database(name)
        return name

    return make


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that a test may kill."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        yield server
