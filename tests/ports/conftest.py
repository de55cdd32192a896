"""A Postgres for the tests of the ports, and the event log in each of its two forms."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from command_service.event_log import EventLog
from command_service.memory_event_log import MemoryEventLog
from command_service.postgres.event_log import PostgresEventLog, open_event_log
from command_service.postgres.migrate import migrate
from ops.embedded import EmbeddedPostgres


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
