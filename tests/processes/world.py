"""Process managers over a log in memory: what happened in the shop, runners, crashes, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import uuid_utils
from cqrs.admin.v1.events_pb2 import CommandAccepted, CommandFailed, CommandRefused
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import commands_pb2 as commands
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.catalogue import Catalogue
from command_service.command import now
from command_service.decider import QUIET, Aggregate, Decider
from command_service.event_log import Appended, Entry, EventLog, LogFilter, LogPage, NewRecord
from command_service.memory_event_log import MemoryEventLog
from command_service.memory_work import MemoryProcessStore
from command_service.process import Process
from command_service.records import Origin, envelope
from command_service.work_queue import ProcessStore
from command_service.worker.processes import ProcessRunner
from runtime.ending import ended
from runtime.record import Head, Logged
from runtime.upcast import decode

_ORDERS = Aggregate("shop.order", None, lambda state, _: state, ())

CATALOGUE = Catalogue(
    [commands.DESCRIPTOR],
    [
        Decider(
            service.full_name,
            reads=lambda request, _: ((_ORDERS, request.order_id),),
            decide=lambda *_: QUIET,
        )
        for service in commands.DESCRIPTOR.services_by_name.values()
    ],
    # no command is carried out here: what each one's service decides does not matter
)


def origin(
    correlation_id: str = "correlation", causation_id: str = "command", time: Timestamp | None = None, **more: str
) -> Origin:
    return Origin(time or now(), correlation_id, causation_id, **more)


async def happened(log: EventLog, event: Message, of: Origin | None = None, stream: str = "") -> Record:
    """Append an event to its order's stream, as some command's outcome; gives its record."""
    name = stream or f"shop.order-{event.order_id}"  # type: ignore[attr-defined]
    version = len(await log.read_stream(name))
    new = envelope(name, version + 1, event, of or origin())
    await append(log, new)
    return Record.FromString(new.record)


async def append(log: EventLog, *records: NewRecord) -> Appended:
    return await log.append(Entry(str(uuid_utils.uuid7()), b"", (), records, receipt=b"done", state=2))


class UnsteadyLog(MemoryEventLog):
    """A log at each call of which its caller can be cancelled, before it has done anything and after."""

    def append(self, entry: Entry) -> asyncio.Future[Appended]:
        async def appended() -> Appended:
            await asyncio.sleep(0)
            done = await super(UnsteadyLog, self).append(entry)
            await asyncio.sleep(0)
            return done

        return asyncio.ensure_future(appended())

    async def read_stream(self, stream: str, after_version: int = 0, limit: int = 1000) -> Sequence[Logged]:
        await asyncio.sleep(0)
        found = await super().read_stream(stream, after_version, limit)
        await asyncio.sleep(0)
        return found

    async def read_log(self, after: int, limit: int, wanted: LogFilter = LogFilter()) -> LogPage:  # noqa: B008 # frozen
        await asyncio.sleep(0)
        return await super().read_log(after, limit, wanted)

    async def head(self) -> Head:
        await asyncio.sleep(0)
        return await super().head()


class ForgetfulStore(MemoryProcessStore):
    """A store that has lost its newest checkpoints, and at which anybody may run beside anybody."""

    def __init__(self, log: MemoryEventLog, remembers: int) -> None:
        super().__init__(log)
        self._remembers = remembers

    @asynccontextmanager
    async def alone(self, process: str) -> AsyncIterator[bool]:
        yield True

    async def checkpoint(self, process: str) -> int:
        return min(self._remembers, await super().checkpoint(process))

    async def save_checkpoint(self, process: str, position: int) -> None:
        await asyncio.sleep(0)
        await super().save_checkpoint(process, position)


def runner(
    process: Process, log: EventLog, store: ProcessStore | None = None, catalogue: Catalogue = CATALOGUE
) -> ProcessRunner:
    if store is None:
        assert isinstance(log, MemoryEventLog)
        store = MemoryProcessStore(log)
    return ProcessRunner(process, log, store, catalogue)


@asynccontextmanager
async def running(*runners: ProcessRunner) -> AsyncIterator[None]:
    """Let them run while the block does."""
    tasks = [asyncio.create_task(each.run()) for each in runners]
    try:
        yield
    finally:
        await asyncio.gather(*map(ended, tasks))
        for task in tasks:
            if not task.cancelled():
                task.result()


async def until(true: Callable[[], Any], seconds: float = 10) -> Any:
    """What `true` (or what it gives to await) comes to, once that is true; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = true()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.002)
    raise AssertionError(f"not within {seconds} s")


async def settled(log: EventLog, store: ProcessStore, *runners: ProcessRunner) -> None:
    """Return once each has reacted to all of the log and fired every timer that is due."""

    async def idle(each: ProcessRunner) -> bool:
        seconds = await store.next_timer(each.name)
        assert each.status()["state"] != "STOPPED", each.status()
        head = (await log.head()).position
        return each.status()["position"] >= head and (seconds is None or seconds > 0)

    for each in runners:
        await until(lambda each=each: idle(each))


async def run_to_the_end(process: Process, log: MemoryEventLog) -> None:
    """One clean run over all that is there."""
    one = runner(process, log)
    async with running(one):
        await settled(log, MemoryProcessStore(log), one)


async def records(log: EventLog, kind: str = "") -> list[tuple[Record, Any]]:
    """Every record of the log whose stream's name begins so, with what it holds."""
    found: list[tuple[Record, Any]] = []
    page = LogPage((), 0)
    while page.scanned_to < (await log.head()).position:
        page = await log.read_log(page.scanned_to, 1000)
        parsed = (Record.FromString(logged.record) for logged in page.records)
        found += [(record, decode(record)) for record in parsed if record.stream.startswith(kind)]
    return found


async def outcome(log: EventLog, name: str = "test.") -> dict[str, list[Any]]:
    """What process managers have put into the log: of each stream what it holds, without what each run makes anew."""
    streams: dict[str, list[Any]] = {}
    for record, event in await records(log):
        if record.stream.startswith(name):
            streams.setdefault(record.stream, []).append(event)
        elif isinstance(event, CommandAccepted):
            streams.setdefault(f"sent by {event.process}-{event.process_instance}", []).append(_asked(event))
    return streams


def _asked(accepted: CommandAccepted) -> Message:
    """A command without its ids: those of what a timer sends go back to the record that set the timer."""
    rpc = CATALOGUE.rpc(accepted.rpc)
    request: Any = rpc.request.FromString(accepted.request)
    request.ClearField("context")
    return request  # type: ignore[no-any-return]


async def sent(log: EventLog) -> list[tuple[Record, CommandAccepted]]:
    """The commands that were sent, in order."""
    return [each for each in await records(log, "command-") if isinstance(each[1], CommandAccepted)]


async def ends(log: EventLog, event: CommandRefused | CommandFailed) -> None:
    """Append what became of a command that was sent."""
    await happened(log, event, stream=f"command-{event.command_id}")


def names(found: Iterable[tuple[Record, Any]]) -> list[str]:
    return [type(event).__name__ for _, event in found]
