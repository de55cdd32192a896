"""A Postgres for the process managers' tests, and a database of its own for each."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from command_service.postgres.migrate import migrate
from ops.embedded import EmbeddedPostgres

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> str:
    """The name of a new database with an empty log."""
    name = f"processes_{next(_numbers)}"
    postgres.create_database(name)
    await migrate(postgres.dsn("obverse_migrator", name), lambda _: None)
    return name


@pytest.fixture
async def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that a test may kill."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        await migrate(server.dsn("obverse_migrator"), lambda _: None)
        yield server
