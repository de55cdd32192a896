"""Step 6: what process managers keep in Postgres beside the log."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from command_service.event_log import LogUnavailable
from command_service.postgres.asking import ask
from command_service.postgres.connections import Readers, connect
from command_service.postgres.queries import query
from command_service.postgres.server_check import check_reachable
from command_service.postgres.sqlstates import Meaning, meaning
from command_service.work_queue import DueTimer

CONNECTIONS = 2
"""For checkpoints and timers, at most; one more for each process manager that runs here."""


class PostgresProcessStore:
    """The ProcessStore port; made by `open_process_store`."""

    def __init__(self, dsn: str, readers: Readers) -> None:
        self._dsn = dsn
        self._readers = readers

    @asynccontextmanager
    async def alone(self, process: str) -> AsyncIterator[bool]:
        """Be the one runner of a process manager; gives False when somebody else is."""
        try:
            connection = await connect(self._dsn)
        except Exception as error:
            if meaning(error) is not Meaning.AGAIN:
                raise
            raise LogUnavailable(f"Postgres cannot be reached: {error}") from error
        try:
            try:
                is_alone: bool = await connection.fetchval(query("alone"), process)
            except Exception as error:
                raise LogUnavailable(f"Postgres cannot say who runs {process}: {error}") from error
            yield is_alone
        finally:
            connection.terminate()

    async def checkpoint(self, process: str) -> int:
        """The position up to which it has reacted; 0 at first."""
        rows = await ask(self._readers, "checkpoint", process)
        return rows[0]["position"] if rows else 0

    async def save_checkpoint(self, process: str, position: int) -> None:
        """Note how far it has come; a lower position than the one that is kept does nothing."""
        await ask(self._readers, "save_checkpoint", process, position)

    async def due_timers(self, process: str, limit: int) -> Sequence[DueTimer]:
        """Its timers whose time has come, the earliest first."""
        return [DueTimer(*row) for row in await ask(self._readers, "due_timers", process, limit)]

    async def next_timer(self, process: str) -> float | None:
        """Seconds until its next timer is due, 0 when one is; None when there is none."""
        (row,) = await ask(self._readers, "next_timer", process)
        return None if row["seconds"] is None else max(0.0, row["seconds"])


@asynccontextmanager
async def open_process_store(dsn: str) -> AsyncIterator[PostgresProcessStore]:
    """The store behind an address of the role obverse_service.

    Raises UnsuitableServer for a server or database that is not the log's, LogUnavailable for one that is away.
    """
    readers = await Readers.open(dsn, CONNECTIONS)
    try:
        await check_reachable(readers)
        yield PostgresProcessStore(dsn, readers)
    finally:
        readers.close()
