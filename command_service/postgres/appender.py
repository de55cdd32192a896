"""Step 4, appended: one batch, sent until its outcome is known."""

import asyncio
import random
import time
from collections.abc import Sequence

import asyncpg
import structlog

from command_service.event_log import Appended, Entry, LogUnavailable, Unstorable
from command_service.postgres.batch import Batch
from command_service.postgres.connections import connect
from command_service.postgres.queries import query
from command_service.postgres.sqlstates import Meaning, leaves_usable, meaning

log = structlog.get_logger()

FIRST_DELAY_SECONDS = 0.02
LONGEST_DELAY_SECONDS = 0.5


class Appender:
    """Calls append() on a connection of its own; a batch whose outcome got lost goes again on a new one.

    Receipts make that harmless: an entry that was committed by the lost call is then answered as replayed.
    """

    def __init__(self, dsn: str, patience_seconds: float) -> None:
        """`patience_seconds` is how long a batch is tried before its callers are told LogUnavailable."""
        self._dsn = dsn
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._patience = patience_seconds

    def close(self) -> None:
        """End the connection at once."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None

    async def send(self, entries: Sequence[Entry]) -> Sequence[Appended | Exception]:
        """The outcome of each entry, in order; raises LogUnavailable."""
        return await self._send(entries, time.monotonic() + self._patience)

    async def _send(self, entries: Sequence[Entry], deadline: float) -> Sequence[Appended | Exception]:
        attempt = 0
        while True:
            try:
                return await self._call(entries)
            except Exception as error:
                match meaning(error):
                    case Meaning.FAULTY if len(entries) == 1:
                        return [Unstorable(str(error))]
                    case Meaning.FAULTY:
                        return [(await self._part([entry], deadline))[0] for entry in entries]
                    case Meaning.BROKEN:
                        log.error("the log cannot be written", reason=str(error), exc_info=error)
                        raise LogUnavailable(f"The log cannot be written: {error}") from error
                if isinstance(error, asyncpg.QueryCanceledError) and len(entries) > 1 and time.monotonic() < deadline:
                    # By its time limit: the same batch again would come to the same end.
                    half = len(entries) // 2
                    first = await self._part(entries[:half], deadline)
                    return [*first, *await self._part(entries[half:], deadline)]
                delay = _delay(attempt)
                if time.monotonic() + delay > deadline:
                    raise LogUnavailable(f"The log did not answer within {self._patience:g} s: {error}") from error
                log.warning("a batch goes again", entries=len(entries), attempt=attempt + 1, reason=repr(error))
            await asyncio.sleep(delay)
            attempt += 1

    async def _part(self, entries: Sequence[Entry], deadline: float) -> Sequence[Appended | Exception]:
        """The same of a part of a batch, of which another part is in the log."""
        try:
            return await self._send(entries, deadline)
        except LogUnavailable as error:
            return [error] * len(entries)

    async def _call(self, entries: Sequence[Entry]) -> Sequence[Appended | Exception]:
        batch = Batch(entries)
        try:
            if self._connection is None:
                self._connection = await connect(self._dsn)
            return batch.outcomes(await self._connection.fetch(query(batch.statement), *batch.arguments()))
        except BaseException as error:
            if not leaves_usable(error):
                self.close()
            raise


def _delay(attempt: int) -> float:
    """Growing, and never in step with another process."""
    longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0**attempt)
    return longest * random.uniform(0.5, 1.0)
