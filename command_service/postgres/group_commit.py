"""Step 4, appended: entries that are ready at the same moment go to the log in one call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from command_service.event_log import Appended, Entry, LogOverloaded, LogUnavailable

Send: TypeAlias = Callable[[Sequence[Entry]], Awaitable[Sequence[Appended | Exception]]]
Waiting: TypeAlias = tuple[Entry, "asyncio.Future[Appended]"]

MOST_ENTRIES = 2_000
MOST_BYTES = 4 * 1024 * 1024


class GroupCommit:
    """Gathers entries into batches, one of which is under way at a time: the log takes them one after another anyway,
    and an entry that was decided on its predecessor's outcome must come after it.

    A lone entry goes at once. When several callers were seen at the end of a batch, the next one waits for as many, but
    not long: they are about to come back, and a call for each three of them would cost more than it gains.
    """

    def __init__(self, send: Send, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        """`send` takes a batch and gives an outcome for each entry, in order; what it raises is every entry's."""
        self._send = send
        self._most_entries, self._most_bytes = most_entries, most_bytes
        self._waiting: list[Waiting] = []
        self._bytes = 0
        self._callers = 0
        self._sending: asyncio.Task[None] | None = None
        self._departure: asyncio.Handle | None = None
        self._lingers = False
        """True while the departure is a timer: uvloop's are no asyncio.TimerHandle, so the handle cannot tell."""
        self._open_until = 0.0
        self._loop = asyncio.get_running_loop()

    def append(self, entry: Entry) -> asyncio.Future[Appended]:
        """Puts the entry behind those that wait; once there it goes to the log, also when its caller is cancelled."""
        future: asyncio.Future[Appended] = self._loop.create_future()
        size = entry_bytes(entry)
        if len(self._waiting) >= self._most_entries or (self._waiting and self._bytes + size > self._most_bytes):
            future.set_exception(LogOverloaded(f"{len(self._waiting)} entries of {self._bytes} bytes wait already"))
            return future
        self._waiting.append((entry, future))
        self._bytes += size
        if self._sending is None:
            self._arrange()
        return future

    async def drain(self) -> None:
        """Return when nothing waits and nothing is under way."""
        while self._waiting or self._sending:
            if self._sending is None:
                self._depart()
            if self._sending is not None:
                await asyncio.wait([self._sending])

    def _arrange(self) -> None:
        """Choose when the next batch leaves: now, when as many callers are back as there were, else soon."""
        full = len(self._waiting) >= self._callers
        if self._departure is None:
            left = 0.0 if full else self._open_until - self._loop.time()
            self._lingers = left > 0
            # Not in this very call: whoever is woken by the same tick of the loop comes along.
            self._departure = (
                self._loop.call_later(left, self._depart) if left > 0 else self._loop.call_soon(self._depart)
            )
        elif full and self._lingers:
            self._departure.cancel()
            self._lingers = False
            self._departure = self._loop.call_soon(self._depart)

    def _depart(self) -> None:
        if self._departure is not None:
            self._departure.cancel()
        self._departure = None
        batch, self._waiting, self._bytes = self._waiting, [], 0
        self._sending = self._loop.create_task(self._carry(batch))

    async def _carry(self, batch: list[Waiting]) -> None:
        try:
            outcomes = await self._send([entry for entry, _ in batch])
        except asyncio.CancelledError:
            outcomes = [LogUnavailable("The server stopped while the entry was under way")] * len(batch)
        except Exception as error:  # noqa: BLE001 # whatever it is, it is the answer that the callers wait for
            outcomes = [error] * len(batch)
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            _settle(future, outcome)
        self._sending = None
        self._callers = len(batch) + len(self._waiting)
        self._open_until = self._loop.time() + linger_seconds(self._callers)
        if self._waiting:
            self._arrange()


def linger_seconds(callers: int) -> float:
    """How long a batch may wait for callers that were there a moment ago; uvloop's timers know whole milliseconds."""
    return 0.0 if callers < 3 else 0.004


def entry_bytes(entry: Entry) -> int:
    """About what an entry takes of memory and of the wire."""
    return 200 + len(entry.receipt or b"") + sum(100 + len(record.record) for record in entry.records)


def _settle(future: asyncio.Future[Appended], outcome: Appended | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
