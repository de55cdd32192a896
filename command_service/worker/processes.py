"""Step 6, a process manager at work: it follows the log and fires its timers, as the only one of all workers."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

from command_service.catalogue import Catalogue
from command_service.event_log import EventLog, LogOverloaded, LogUnavailable
from command_service.process import Process
from command_service.work_queue import DueTimer, ProcessStore
from command_service.worker.inputs import Input, Unreadable, followed, input_of, input_of_timer
from command_service.worker.reactor import Reactor
from command_service.worker.standing import RUNNING, STANDBY, Failed, Standing
from runtime.record import Logged

PAGE = 200
"""How many inputs, or timers, are taken at once."""
LONGEST_WAIT_SECONDS = 5.0
"""How long it waits at most for news before it looks itself."""
PACE_SECONDS = 0.01
"""The least time between two looks of which the first found nothing, while others fill the log."""
RETRY_SECONDS = 1.0
"""How often a standby asks to be the runner, and one whose store is away tries again."""
SAVE_EVERY = 1_000
"""How many records without an input are passed before the checkpoint is moved."""
SAVE_NOW = 1


class ProcessRunner:
    """One process manager in one worker."""

    def __init__(
        self,
        process: Process,
        event_log: EventLog,
        store: ProcessStore,
        catalogue: Catalogue,
        most_streams: int = 10_000,
    ) -> None:
        """Of at most `most_streams` instances the state is remembered."""
        self.name = process.name
        self._process = process
        self._log = event_log
        self._store = store
        self._wanted = followed(process)
        self._reactor = Reactor(process, event_log, catalogue, most_streams)
        self._standing = Standing(process.name)
        self._saved = 0
        self._looked = 0.0

    def status(self) -> dict[str, Any]:
        """What /status shows of it."""
        return self._standing.shown()

    async def run(self) -> None:
        """Follow the log whenever nobody else does, until cancelled, or stopped by an input that it raises on."""
        while True:
            try:
                async with self._store.alone(self.name) as is_alone:
                    self._saved = await self._store.checkpoint(self.name)
                    self._standing.reach(self._saved)
                    if is_alone:
                        await self._follow()
                self._standing.enter(STANDBY)
            except (LogUnavailable, LogOverloaded) as error:
                self._standing.enter(STANDBY, f"Waiting for the log: {error}")
            except Exception as error:  # noqa: BLE001 # whatever it is, the others go on
                return self._standing.stop(error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        self._standing.enter(RUNNING)
        while True:
            seconds = await self._store.next_timer(self.name)
            due = await self._store.due_timers(self.name, PAGE) if seconds is not None and seconds <= 0 else ()
            # What was in the log when a deadline passed was in time, however late it is read.
            in_time = (await self._log.head()).position if due else 0
            found = await self._page()
            while self._standing.position < in_time:
                found = await self._page() or found
            await self._fire(due)
            if not found and not due:
                await self._news(LONGEST_WAIT_SECONDS if seconds is None else seconds)

    async def _page(self) -> bool:
        """React to the next page of the log; False when there was nothing to react to."""
        self._looked = time.monotonic()
        page = await self._log.read_log(self._standing.position, PAGE, self._wanted)
        inputs, unreadable = self._inputs(page.records)
        try:
            await self._react(inputs)
            if unreadable is not None:
                raise unreadable
        except Failed as failed:
            await self._pass(failed.position - 1, SAVE_NOW)
            raise
        await self._pass(page.scanned_to, SAVE_NOW if inputs else SAVE_EVERY)
        return bool(inputs)

    def _inputs(self, records: Sequence[Logged]) -> tuple[list[Input], Failed | None]:
        inputs: list[Input] = []
        for logged in records:
            try:
                found = input_of(self._process, logged)
            except Unreadable as error:
                return inputs, Failed(logged.position, error.kind, error.error)
            if found is not None:
                inputs.append(found)
        return inputs, None

    async def _fire(self, due: Sequence[DueTimer]) -> None:
        inputs: list[Input] = []
        for timer in due:
            (logged,) = (await self._log.read_log(timer.position - 1, 1)).records
            inputs.append(input_of_timer(self._process, timer, logged))
        await self._react(inputs)

    async def _react(self, inputs: Iterable[Input]) -> None:
        """Instances at the same time, each one's inputs in their order; raises the error that came first in the log."""
        by_instance: dict[str, list[Input]] = {}
        for each in inputs:
            by_instance.setdefault(each.instance, []).append(each)
        ended = await asyncio.gather(*map(self._in_order, by_instance.values()), return_exceptions=True)
        errors = [error for error in ended if error is not None]
        for error in errors:
            if not isinstance(error, Failed):
                raise error
        if errors:
            raise min((error for error in errors if isinstance(error, Failed)), key=lambda error: error.position)

    async def _in_order(self, inputs: Sequence[Input]) -> None:
        for each in inputs:
            try:
                await self._reactor.react(each)
            except (LogUnavailable, LogOverloaded):
                raise
            except Exception as error:
                kind = f"{type(each.event).__name__} {each.cause.record_id} of instance {each.instance}"
                raise Failed(each.position, kind, error) from error

    async def _pass(self, position: int, save_every: int) -> None:
        self._standing.reach(max(self._standing.position, position))
        if self._standing.position - self._saved >= save_every:
            await self._store.save_checkpoint(self.name, self._standing.position)
            self._saved = self._standing.position

    async def _news(self, seconds: float) -> None:
        await self._log.wait_beyond(self._standing.position, min(seconds, LONGEST_WAIT_SECONDS))
        await asyncio.sleep(max(0.0, self._looked + PACE_SECONDS - time.monotonic()))
