"""The copying itself: read after the stream's end, publish, wait for the answers, wait for more."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from command_service.event_log import EventLog
from command_service.relay.errors import Diverged, StreamError, Unexpected
from command_service.relay.pace import Pace
from command_service.relay.report import Report
from command_service.relay.settings import Settings
from command_service.relay.stream import Answer, LogStream
from runtime.ending import ended
from runtime.record import Head, Logged

BATCHES_UNDERWAY = 3
"""So many batches are sent before the first is acknowledged; the expected sequence keeps them in order."""
READ_BYTES = 8 * 1024 * 1024
"""About so much is read at once, however large the records are."""


class Copying:
    """Copies from a proved end of the stream until something unexpected happens."""

    def __init__(
        self,
        log: EventLog,
        stream: LogStream,
        end: Head,
        settings: Settings,
        report: Report,
        went_well: Callable[[], None],
    ) -> None:
        self._log = log
        self._stream = stream
        self._epoch = end.epoch
        self._position = end.position
        self._settings = settings
        self._report = report
        self._went_well = went_well
        self._pace = Pace(settings.relay_linger_seconds)
        self._underway: deque[tuple[Sequence[Answer], int, int]] = deque()
        self._record_bytes = 512.0
        self._audited: StreamError | None = None

    async def run(self) -> None:
        """Never returns; raises StreamError, LogError, Diverged."""
        audit = asyncio.create_task(self._audit())
        try:
            while self._audited is None:
                await self._round()
            raise self._audited
        finally:
            await ended(audit)

    async def _round(self) -> None:
        limit = max(1, min(self._settings.relay_batch_records, int(READ_BYTES / self._record_bytes)))
        records = (await self._log.read_log(self._position, limit)).records
        if records:
            await self._send(records)
        while self._underway and (len(records) < limit or len(self._underway) >= BATCHES_UNDERWAY):
            answers, last, count = self._underway.popleft()
            await self._stream.acknowledged(answers, last)
            self._report.stream_at(last, count)
            self._went_well()
        if len(records) < limit:
            await self._log.wait_beyond(self._position, self._settings.relay_poll_seconds)
            await self._pace.linger(len(records))

    async def _send(self, records: Sequence[Logged]) -> None:
        last = self._position + len(records)
        if records[0].position != self._position + 1 or records[-1].position != last:
            raise Diverged(f"the log has a hole after {self._position}: its next record is {records[0].position}")
        self._record_bytes = sum(len(each.record) for each in records) / len(records)
        self._underway.append((await self._stream.publish(self._epoch, records), last, len(records)))
        self._position = last

    async def _audit(self) -> None:
        while True:
            await asyncio.sleep(self._settings.relay_audit_seconds)
            published = self._report.stream_position
            try:
                extent = await self._stream.extent()
            except StreamError as error:
                self._audited = error
                return
            self._report.audited(extent.faults, extent.holes)
            if extent.last < published:
                self._audited = Unexpected(f"the stream ends at {extent.last}, {published} was stored")
                return
