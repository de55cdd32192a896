"""A log, its queue and workers in the test's own process, all in memory."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count
from typing import Any

from cqrs.common.v1.common_pb2 import CommandState
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message

from command_service.catalogue import Catalogue
from command_service.channels import Channels
from command_service.command import Command
from command_service.decider import Decider
from command_service.event_log import EventLog
from command_service.execute import Executor
from command_service.executions import Executions
from command_service.handle import Handler
from command_service.memory_event_log import MemoryEventLog
from command_service.memory_tables import clock
from command_service.memory_work import MemoryWork
from command_service.states import States
from command_service.work_queue import WorkQueue
from command_service.worker.alarm import Alarm
from command_service.worker.allowance import Allowance
from command_service.worker.attempts import Attempts
from command_service.worker.lane import Lane
from command_service.worker.leases import Leases
from command_service.worker.outage import Outage
from command_service.worker.report import Report
from command_service.worker.worker import Worker
from runtime.call import Call
from runtime.upcast import decode
from tests.worker.trial import CONTRACT, SERVICE

ASYNC = f"{SERVICE}.AddItemToCart=async:adding;{SERVICE}.RemoveItemFromCart=async:removing"
QUICKLY = "*:first=0.01,longest=0.05,attempts=4"

_numbers = count(1)


class World:
    """One log with open commands, and whoever accepts commands on it."""

    def __init__(
        self,
        decider: Decider,
        port: Any = None,
        channels: str = QUICKLY,
        execution: str = ASYNC,
        now: Callable[[], datetime] = clock,
    ) -> None:
        memory = MemoryEventLog(now)
        self.log: EventLog = memory
        self.queue: WorkQueue = MemoryWork(memory)
        self.catalogue = Catalogue((CONTRACT,), (decider,), Executions.parse(execution))
        self.policies = Channels.parse(channels)
        self.ports: Mapping[str, Any] = {"trial": port} if port is not None else {}
        self._handler = self.handler(self.log)

    @classmethod
    def on(cls, log: EventLog, queue: WorkQueue, decider: Decider, execution: str) -> "World":
        """The same on stores that are there, for workers in processes of their own."""
        world = cls(decider, execution=execution)
        world.log, world.queue, world._handler = log, queue, world.handler(log)
        return world

    def handler(self, log: EventLog) -> Handler:
        """Another process's way to carry commands out: nothing but the log is shared."""
        return Handler(log, States(log, 1000), self.catalogue, self.policies, 20)

    def executor(self, log: EventLog) -> Executor:
        """Another worker's way to carry accepted commands out."""
        return Executor(log, self.handler(log), self.catalogue, self.policies, self.ports)

    async def send(self, request: Any) -> Any:
        """What a caller of the command's RPC is answered."""
        rpc = self.catalogue.of_request(request)
        assert rpc is not None
        copy: Any = type(request)()
        copy.CopyFrom(request)
        return await self._handler.handle(Command.accept(rpc, copy, Call(rpc.name, "", math.inf, "")))

    async def accepted(self, *requests: Any) -> list[str]:
        """Accept commands, in order; their ids."""
        return [(await self.send(request)).receipt.command_id for request in requests]

    async def events(self, stream: str) -> list[Message]:
        """What happened on a stream."""
        decoded = (decode(Record.FromString(each.record)) for each in await self.log.read_stream(stream))
        return [event for event in decoded if event is not None]

    async def items(self, user: str) -> list[str]:
        """The items of a user's cart, in the order in which they were added."""
        return [event.item_id for event in await self.events(f"shop.cart-{user}")]  # type: ignore[attr-defined]

    async def outcomes(self, command_id: str) -> list[str]:
        """Names of the records of a command's own stream."""
        return [type(event).__name__ for event in await self.events(f"command-{command_id}")]

    async def state(self, request: Any) -> str:
        """The state that a caller who repeats a command is told."""
        return CommandState.Name((await self.send(request)).receipt.state).removeprefix("COMMAND_STATE_")

    async def open(self) -> int:
        """How many commands wait, for whatever."""
        return sum(each.ready + each.in_flight + each.waiting + each.scheduled for each in await self.queue.counts())

    def worker(
        self,
        *,
        channels: Iterable[str] = (),
        limit: int | None = None,
        verbose: bool = False,
        lease_seconds: float = 30,
        log: EventLog | None = None,
        queue: WorkQueue | None = None,
    ) -> Worker:
        """A worker of its own."""
        log, queue = log or self.log, queue or self.queue
        outage, allowance = Outage(), Allowance(limit)
        leases = Leases(queue, lease_seconds, outage)
        report = Report(self.catalogue, verbose)
        attempts = Attempts(queue, self.executor(log), self.policies, leases, outage, report)
        names = list(channels) or self.catalogue.channels
        lanes = [
            Lane(name, self.policies.policy(name).concurrency, queue, attempts, allowance, outage) for name in names
        ]
        alarm = Alarm(queue, names, 0.05, outage)
        return Worker(f"worker-{next(_numbers)}", queue, lanes, leases, alarm, allowance)


@asynccontextmanager
async def working(*workers: Worker, drain_seconds: float = 5) -> AsyncIterator[asyncio.Event]:
    """Workers at work while the block runs, or until what it gives is set; then they drain."""
    told = asyncio.Event()
    running = [asyncio.create_task(worker.run(_told(told), drain_seconds)) for worker in workers]
    try:
        yield told
    finally:
        told.set()
        await asyncio.gather(*running)


async def _told(event: asyncio.Event) -> None:
    await event.wait()


async def until(ask: Callable[[], Awaitable[Any] | Any], seconds: float = 10) -> None:
    """Return as soon as `ask` gives something true; AssertionError after so many seconds."""
    async with asyncio.timeout(seconds):
        while True:
            answer = ask()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0.002)


async def drained(world: World, *workers: Worker) -> None:
    """Let workers do all there is."""

    async def done() -> bool:
        return await world.open() == 0

    async with working(*workers or (world.worker(),)):
        await until(done)


def executed(worker: Worker) -> dict[str, int]:
    """How much a worker did, by channel."""
    shown: Sequence[dict[str, Any]] = worker.shown()["channels"]
    return {each["name"]: each["executed"] for each in shown}
