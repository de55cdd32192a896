"""Fulfilment demo, step 3: both sides of the shop as a client meets them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from typing import TYPE_CHECKING

import grpc
from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceStub
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub
from cqrs.shop.v1.commands_pb2_grpc import OrderCommandServiceStub
from cqrs.shop.v1.payment_queries_pb2_grpc import PaymentQueryServiceStub
from cqrs.shop.v1.queries_pb2_grpc import OrderQueryServiceStub
from cqrs.shop.v1.stock_commands_pb2_grpc import StockCommandServiceStub
from cqrs.shop.v1.stock_queries_pb2_grpc import StockQueryServiceStub

from ops.demo.client import Server, connections
from ops.demo.source import Addresses

if TYPE_CHECKING:  # the generated modules have these names for the type checker only
    from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceAsyncStub
    from cqrs.log.v1.log_service_pb2_grpc import LogServiceAsyncStub
    from cqrs.shop.v1.commands_pb2_grpc import OrderCommandServiceAsyncStub
    from cqrs.shop.v1.payment_queries_pb2_grpc import PaymentQueryServiceAsyncStub
    from cqrs.shop.v1.queries_pb2_grpc import OrderQueryServiceAsyncStub
    from cqrs.shop.v1.stock_commands_pb2_grpc import StockCommandServiceAsyncStub
    from cqrs.shop.v1.stock_queries_pb2_grpc import StockQueryServiceAsyncStub


class ShopCommands(Server):
    """The shop's command server, with what tells how its commands fare."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        super().__init__(channels)
        self._stubs = cycle([(OrderCommandServiceStub(each), StockCommandServiceStub(each)) for each in channels])
        self.admin: CommandAdminServiceAsyncStub = CommandAdminServiceStub(channels[0])
        self.log: LogServiceAsyncStub = LogServiceStub(channels[0])

    @property
    def orders(self) -> "OrderCommandServiceAsyncStub":
        """Commands on orders, on each of the connections in turn."""
        return next(self._stubs)[0]

    @property
    def stock(self) -> "StockCommandServiceAsyncStub":
        """Commands on stock items, on each of the connections in turn."""
        return next(self._stubs)[1]


class ShopQueries(Server):
    """The shop's query server."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        super().__init__(channels)
        self._stubs = cycle(
            [
                (OrderQueryServiceStub(each), PaymentQueryServiceStub(each), StockQueryServiceStub(each))
                for each in channels
            ]
        )

    @property
    def orders(self) -> "OrderQueryServiceAsyncStub":
        """Queries about orders, on each of the connections in turn."""
        return next(self._stubs)[0]

    @property
    def payments(self) -> "PaymentQueryServiceAsyncStub":
        """Queries about payments, on each of the connections in turn."""
        return next(self._stubs)[1]

    @property
    def stock(self) -> "StockQueryServiceAsyncStub":
        """Queries about stock items, on each of the connections in turn."""
        return next(self._stubs)[2]


@asynccontextmanager
async def connect(addresses: Addresses) -> AsyncIterator[tuple[ShopCommands, ShopQueries]]:
    """Both sides of the shop; the connections are closed at the end."""
    async with connections(addresses[0]) as to_commands, connections(addresses[1]) as to_queries:
        yield ShopCommands(to_commands), ShopQueries(to_queries)
