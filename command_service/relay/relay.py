"""Step 5, published: compare the stream's end with the log, then copy what is missing, for ever."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog

from command_service.event_log import EventLog, LogError
from command_service.relay.copy import Copying
from command_service.relay.errors import Diverged, Refused, Silent, StreamError, Unexpected, Unpublishable
from command_service.relay.handshake import handshake
from command_service.relay.report import Report, State
from command_service.relay.settings import Settings
from command_service.relay.stream import LogStream
from runtime.ending import ended

SILENCES_UNTIL_STUCK = 3
LONGEST_PAUSE_SECONDS = 5.0

Connect = Callable[[], AbstractAsyncContextManager[LogStream]]

log = structlog.get_logger()


class Relay:
    """Copies a log to the stream. It remembers nothing that it could not read from the two."""

    def __init__(self, event_log: EventLog, connect: Connect, settings: Settings, report: Report) -> None:
        self._log = event_log
        self._connect = connect
        self._settings = settings
        self._report = report
        self._failures = 0
        self._silences = 0

    async def run(self) -> None:
        """Copy until cancelled; whatever goes wrong leads back to the comparison, after a growing, jittered pause."""
        following = asyncio.create_task(self._follow_head())
        try:
            while True:
                try:
                    async with self._connect() as stream:
                        await self._serve(stream)
                except (StreamError, LogError, Diverged) as error:
                    self._went_wrong(error)
                await asyncio.sleep(self._pause())
        finally:
            await ended(following)

    async def _serve(self, stream: LogStream) -> None:
        """One connection: compare and copy; a lost race only needs another comparison."""
        while True:
            try:
                if self._report.state not in (State.STUCK, State.DIVERGED):
                    self._report.enter(State.HANDSHAKE)
                end = await handshake(self._log, stream, self._settings.stream_replicas, self._report)
                if self._report.state is not State.STUCK or self._report.log_position == end.position:
                    self._report.enter(State.STREAMING)
                await Copying(self._log, stream, end, self._settings, self._report, self._went_well).run()
            except Unexpected as error:
                self._went_wrong(error)
                await asyncio.sleep(self._pause())

    async def _follow_head(self) -> None:
        """Know where the log ends also while nothing can be published."""
        while True:
            try:
                self._report.log_at((await self._log.head()).position)
            except LogError as error:
                log.debug("The log's head is not known", error=str(error))
            await asyncio.sleep(self._settings.relay_poll_seconds)

    def _went_well(self) -> None:
        self._failures = self._silences = 0
        self._report.enter(State.STREAMING)

    def _went_wrong(self, error: Exception) -> None:
        self._failures += 1
        self._silences = self._silences + 1 if isinstance(error, Silent) else 0
        self._report.enter(self._state_after(error), str(error))

    def _state_after(self, error: Exception) -> State:
        if isinstance(error, Diverged):
            return State.DIVERGED
        if isinstance(error, Unexpected):
            return State.HANDSHAKE
        if isinstance(error, Refused | Unpublishable) or self._silences >= SILENCES_UNTIL_STUCK:
            return State.STUCK
        return State.CONNECT

    def _pause(self) -> float:
        """None after the first failure in a row; once the histories differ, only somebody else can help."""
        if self._report.state is State.DIVERGED:
            return LONGEST_PAUSE_SECONDS
        steps = min(self._failures - 1, 10)
        return min(LONGEST_PAUSE_SECONDS, 0.02 * 2.0**steps) * random.uniform(0.5, 1.0) if steps else 0.0
