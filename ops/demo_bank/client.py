"""Bank demo, step 3: the bank's servers as a client meets them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from typing import TYPE_CHECKING

import grpc
from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceStub
from cqrs.bank.v1.commands_pb2_grpc import AccountCommandServiceStub, TransferCommandServiceStub
from cqrs.bank.v1.queries_pb2_grpc import AccountQueryServiceStub, TransferQueryServiceStub
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub

from ops.demo.client import Server, connections

if TYPE_CHECKING:  # the generated modules have these names for the type checker only
    from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceAsyncStub
    from cqrs.bank.v1.commands_pb2_grpc import AccountCommandServiceAsyncStub, TransferCommandServiceAsyncStub
    from cqrs.bank.v1.queries_pb2_grpc import AccountQueryServiceAsyncStub, TransferQueryServiceAsyncStub
    from cqrs.log.v1.log_service_pb2_grpc import LogServiceAsyncStub


class BankCommands(Server):
    """The bank's command server."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        super().__init__(channels)
        self._stubs = cycle([(AccountCommandServiceStub(each), TransferCommandServiceStub(each)) for each in channels])
        self.admin: CommandAdminServiceAsyncStub = CommandAdminServiceStub(channels[0])
        self.log: LogServiceAsyncStub = LogServiceStub(channels[0])

    @property
    def accounts(self) -> "AccountCommandServiceAsyncStub":
        """Commands on accounts, on each of the connections in turn."""
        return next(self._stubs)[0]

    @property
    def transfers(self) -> "TransferCommandServiceAsyncStub":
        """Commands on transfers, on each of the connections in turn."""
        return next(self._stubs)[1]


class BankQueries(Server):
    """The bank's query server."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        super().__init__(channels)
        self._stubs = cycle([(AccountQueryServiceStub(each), TransferQueryServiceStub(each)) for each in channels])

    @property
    def accounts(self) -> "AccountQueryServiceAsyncStub":
        """Queries about accounts, on each of the connections in turn."""
        return next(self._stubs)[0]

    @property
    def transfers(self) -> "TransferQueryServiceAsyncStub":
        """Queries about transfers, on each of the connections in turn."""
        return next(self._stubs)[1]


@asynccontextmanager
async def connect(commands: str, queries: str) -> AsyncIterator[tuple[BankCommands, BankQueries]]:
    """Both sides of the bank, each at its host:port; the connections are closed at the end."""
    async with connections(commands) as to_commands, connections(queries) as to_queries:
        yield BankCommands(to_commands), BankQueries(to_queries)
