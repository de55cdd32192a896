"""The schema comes to a database in numbered steps: once each, in order, and never rewritten."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from command_service.postgres.migrate import FOLDER, MigrationError, migrate, migrations
from ops.embedded import EmbeddedPostgres


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may change."""
    return shutil.copytree(FOLDER, tmp_path / "migrations")


@pytest.fixture
def dsn(postgres: EmbeddedPostgres, new_database: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    return postgres.dsn("obverse_migrator", new_database(f"m{abs(hash(request.node.name))}"))


async def test_two_that_migrate_at_once_apply_each_file_once(dsn: str) -> None:
    reports: list[str] = []
    applied = await asyncio.gather(*(migrate(dsn, reports.append) for _ in range(3)))
    assert sorted(applied) == [0, 0, len(migrations())]
    assert reports == [f"Applied {migration.name}" for migration in migrations()]


async def test_a_file_that_was_changed_after_it_was_applied_is_refused(dsn: str, folder: Path) -> None:
    await migrate(dsn, lambda _: None, folder)
    first = folder / "0001_log.sql"
    first.write_text(first.read_text() + "-- an afterthought\n")
    with pytest.raises(MigrationError, match=r"0001_log was applied with another content.*put the file back"):
        await migrate(dsn, lambda _: None, folder)


async def test_a_database_newer_than_the_program_is_refused(dsn: str, folder: Path) -> None:
    later = folder / f"{len(migrations()) + 1:04}_later.sql"
    later.write_text("CREATE TABLE obverse.later ()")
    assert await migrate(dsn, lambda _: None, folder) == len(migrations()) + 1
    with pytest.raises(MigrationError, match=f"newer than this program: it has migration {later.stem}"):
        await migrate(dsn, lambda _: None)


async def test_a_migration_that_fails_is_undone_whole_and_can_be_mended(dsn: str, folder: Path) -> None:
    later = folder / f"{len(migrations()) + 1:04}_later.sql"
    later.write_text("CREATE TABLE obverse.later (); SELECT 1 / 0")
    with pytest.raises(MigrationError, match=f"{later.stem} failed and was undone: division by zero"):
        await migrate(dsn, lambda _: None, folder)
    later.write_text("CREATE TABLE obverse.later ()")
    assert await migrate(dsn, lambda _: None, folder) == 1


def test_a_gap_in_the_numbers_is_refused(folder: Path) -> None:
    (folder / "0001_log.sql").unlink()
    with pytest.raises(MigrationError, match="not numbered from 1 without gaps"):
        migrations(folder)
