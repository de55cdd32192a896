"""Step 4, before it: brings a database to the schema that this version of the event log needs."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from command_service.postgres.queries import query

FOLDER = Path(__file__).with_name("migrations")
_LOCK = 0x0B5E25E
"""The advisory lock that lets one migration run at a time."""


class MigrationError(Exception):
    """The database cannot be brought to this version; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> bytes:
        """sha256 of the file."""
        return hashlib.sha256(self.sql.encode()).digest()


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """The files `NNNN_name.sql` of a folder, numbered from 1 without gaps; raises MigrationError."""
    found = [
        Migration(int(path.name[:4]), path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    ]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        names = ", ".join(migration.name for migration in found)
        raise MigrationError(f"The migrations in {folder} are not numbered from 1 without gaps: {names}")
    return tuple(found)


async def migrate(dsn: str, report: Callable[[str], None], folder: Path = FOLDER) -> int:
    """Apply what is missing, each file in a transaction of its own; several at once wait for one another.

    `dsn` is that of a member of obverse_owner; `report` gets a line for each file. Returns how many were applied.
    Raises MigrationError, or asyncpg's errors where the server cannot be reached or refuses.
    """
    known = migrations(folder)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute("SET ROLE obverse_owner")
        await connection.execute(query("migrations_table"))
        missing = unapplied(known, await connection.fetch(query("applied")))
        for migration in missing:
            await _apply(connection, migration)
            report(f"Applied {migration.name}")
    finally:
        await connection.close()
    return len(missing)


def unapplied(known: Sequence[Migration], applied: Sequence[asyncpg.Record]) -> Sequence[Migration]:
    """The known migrations that are not applied; raises MigrationError where what is applied is not what is known."""
    for row in applied[: len(known)]:
        migration = known[row["number"] - 1]
        if row["checksum"] != migration.checksum:
            raise MigrationError(
                f"Migration {row['name']} was applied with another content than {migration.name} has now: "
                "put the file back as it was and write the change as a new migration"
            )
    if len(applied) > len(known):
        raise MigrationError(
            f"The database is newer than this program: it has migration {applied[-1]['name']}, "
            f"the program knows {len(known)}: run the program's newer version"
        )
    return known[len(applied) :]


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(query("note_migration"), migration.number, migration.name, migration.checksum)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"Migration {migration.name} failed and was undone: {error}") from error
