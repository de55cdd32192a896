"""What tests of asynchronous commands share: both sides of a running system, and what its log says of each command."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
from cqrs.admin.v1.commands_pb2 import ListQueuesRequest
from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceStub
from cqrs.admin.v1.events_pb2 import CommandAccepted, CommandFailed, CommandRefused, CommandSucceeded
from cqrs.admin.v1.queries_pb2_grpc import CommandQueryServiceStub
from cqrs.bank.v1.commands_pb2_grpc import AccountCommandServiceStub, TransferCommandServiceStub
from cqrs.bank.v1.queries_pb2_grpc import AccountQueryServiceStub, LedgerQueryServiceStub, TransferQueryServiceStub
from cqrs.log.v1.log_service_pb2 import ReadLogRequest
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.commands_pb2_grpc import OrderCommandServiceStub
from cqrs.shop.v1.follow_up_commands_pb2_grpc import NotificationCommandServiceStub
from cqrs.shop.v1.queries_pb2_grpc import OrderQueryServiceStub
from cqrs.shop.v1.stock_commands_pb2_grpc import StockCommandServiceStub
from cqrs.shop.v1.stock_queries_pb2_grpc import StockQueryServiceStub
from google.protobuf.message import Message

from command_service.adapters.sandbox_store import Account, SandboxBooks
from ops.supervisor import System
from runtime.upcast import decode
from tests.running import QUICK, until

if TYPE_CHECKING:  # the generated modules have these names for the type checker only
    from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceAsyncStub
    from cqrs.admin.v1.queries_pb2_grpc import CommandQueryServiceAsyncStub
    from cqrs.bank.v1.commands_pb2_grpc import AccountCommandServiceAsyncStub, TransferCommandServiceAsyncStub
    from cqrs.bank.v1.queries_pb2_grpc import (
        AccountQueryServiceAsyncStub,
        LedgerQueryServiceAsyncStub,
        TransferQueryServiceAsyncStub,
    )
    from cqrs.log.v1.log_service_pb2_grpc import LogServiceAsyncStub
    from cqrs.shop.v1.commands_pb2_grpc import OrderCommandServiceAsyncStub
    from cqrs.shop.v1.follow_up_commands_pb2_grpc import NotificationCommandServiceAsyncStub
    from cqrs.shop.v1.queries_pb2_grpc import OrderQueryServiceAsyncStub
    from cqrs.shop.v1.stock_commands_pb2_grpc import StockCommandServiceAsyncStub
    from cqrs.shop.v1.stock_queries_pb2_grpc import StockQueryServiceAsyncStub

OVERRIDE = "cqrs.shop.v1.OrderCommandService.CreateOrder"
"""A command that is synchronous by its contract, and asynchronous in these systems."""
ENVIRON = {
    "OBVERSE_CHANNELS": "*:first=0.1,longest=1,attempts=1000;payments:first=0.1,longest=0.5,attempts=6",
    "OBVERSE_WORKER_LEASE_SECONDS": "1.5",
    "OBVERSE_SHOP_STEP_SECONDS": "4",
    "OBVERSE_EXECUTION": f"{OVERRIDE}=async:orders",
}
"""What is given up only after long, what is left by the dead is taken up soon."""
PARTS = ("postgres", "nats", "valkey", "mail", "command_service", "relay", "projector", "query_service", "worker")

Kind = TypeVar("Kind", bound=Message)


@dataclass(frozen=True)
class Callers:
    """Stubs of both sides, on connections of their own."""

    accounts: AccountCommandServiceAsyncStub
    transfers: TransferCommandServiceAsyncStub
    orders: OrderCommandServiceAsyncStub
    stock: StockCommandServiceAsyncStub
    notifications: NotificationCommandServiceAsyncStub
    admin: CommandAdminServiceAsyncStub
    log: LogServiceAsyncStub
    commands: CommandQueryServiceAsyncStub
    ask_accounts: AccountQueryServiceAsyncStub
    ask_ledger: LedgerQueryServiceAsyncStub
    ask_transfers: TransferQueryServiceAsyncStub
    ask_orders: OrderQueryServiceAsyncStub
    ask_stock: StockQueryServiceAsyncStub


@asynccontextmanager
async def calling(system: System) -> AsyncIterator[Callers]:
    """Both sides of a system."""
    to_commands = grpc.aio.insecure_channel(system.command_address, options=QUICK)
    to_queries = grpc.aio.insecure_channel(system.query_address, options=QUICK)
    async with to_commands, to_queries:
        yield Callers(
            AccountCommandServiceStub(to_commands),
            TransferCommandServiceStub(to_commands),
            OrderCommandServiceStub(to_commands),
            StockCommandServiceStub(to_commands),
            NotificationCommandServiceStub(to_commands),
            CommandAdminServiceStub(to_commands),
            LogServiceStub(to_commands),
            CommandQueryServiceStub(to_queries),
            AccountQueryServiceStub(to_queries),
            LedgerQueryServiceStub(to_queries),
            TransferQueryServiceStub(to_queries),
            OrderQueryServiceStub(to_queries),
            StockQueryServiceStub(to_queries),
        )


@dataclass
class History:
    """A log as far as it was read."""

    address: str
    position: int = 0
    records: list[Record] = field(default_factory=list)
    events: list[Message | None] = field(default_factory=list)
    accepted: dict[str, CommandAccepted] = field(default_factory=dict)
    outcomes: dict[str, list[str]] = field(default_factory=dict)
    """The names of a command's outcomes."""

    async def read(self) -> History:
        """Go on to the head of now."""
        async with grpc.aio.insecure_channel(self.address, options=QUICK) as channel:
            request = ReadLogRequest(after_position=self.position, stop_at_head=True)
            async for answer in LogServiceStub(channel).ReadLog(request, timeout=60):
                if answer.record:
                    self._take(answer.position, Record.FromString(answer.record))
        return self

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Every event of a type, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def open(self, commands: Iterable[str] = ()) -> list[str]:
        """The commands without an outcome, of those given or of all."""
        return [each for each in commands or self.accepted if each not in self.outcomes]

    def repeated(self) -> Iterator[str]:
        """Commands with several outcomes, and those whose events do not all stand at one place."""
        yield from (f"twice: {each} has {ends}" for each, ends in self.outcomes.items() if len(ends) > 1)
        last: dict[str, int] = {}
        for position, record in enumerate(self.records, 1):
            cause = record.causation_id
            if cause and last.get(cause, position - 1) != position - 1:
                yield f"twice: {cause} has effects at {last[cause]} and {position}"
            last[cause] = position

    def _take(self, position: int, record: Record) -> None:
        assert position == self.position + 1, f"{position} comes after {self.position}"
        self.position = position
        event = decode(record)
        self.records.append(record)
        self.events.append(event)
        if isinstance(event, CommandAccepted):
            assert event.command_id not in self.accepted, f"{event.command_id} was accepted twice"
            self.accepted[event.command_id] = event
        elif isinstance(event, CommandSucceeded | CommandRefused | CommandFailed):
            self.outcomes.setdefault(event.command_id, []).append(type(event).__name__)


async def drained(system: System, seconds: float = 30, *channels: str) -> None:
    """Nothing is open on any channel, or on those that are named; AssertionError when it is not so in time."""
    async with calling(system) as callers:

        async def none() -> bool:
            queues = (await callers.admin.ListQueues(ListQueuesRequest(), timeout=2)).queues
            return not any(each.total - each.failed for each in queues if not channels or each.channel in channels)

        await until(none, seconds)


def heal(system: System, seconds: float = 30) -> None:
    """Start what is down, and wait until it is healthy."""
    for name in PARTS:
        system.start_one(name)
    for name in PARTS[4:]:
        system.wait_healthy(name, seconds)


async def kill(system: System, name: str) -> None:
    """SIGKILL; it is started again as soon as that can be done."""
    await asyncio.to_thread(system.kill, name, stay_down=True)
    await asyncio.to_thread(system.start_one, name)


def payments(system: System) -> list[Account]:
    """Every authorisation that the sandbox provider has made."""
    books = SandboxBooks(str(system.data / "payments.sqlite"))
    try:
        return list(books.accounts())
    finally:
        books.close()


def mails(system: System) -> Counter[str]:
    """How often the mail server has kept a mail of each Message-ID."""
    return Counter(mail.message_id for mail in system.mail.mailbox.last())


def with_id(request: Any, command_id: str) -> Any:
    """The request under a command id."""
    request.context.command_id = command_id
    return request
