"""A command server in the test's own process, over a real channel, on the log that the test chooses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cqrs.common.v1.common_pb2 import Money
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub
from cqrs.shop.v1 import commands_pb2_grpc as grpc_stubs
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from command_service.catalogue import Catalogue
from command_service.channels import Channels
from command_service.deciders import CONTRACTS, DECIDERS
from command_service.event_log import EventLog
from command_service.handle import Handler
from command_service.log_service import DESCRIPTOR, LogService
from command_service.server import command_services
from command_service.states import States
from runtime.grpc_server import ServerLimits, serve

if TYPE_CHECKING:  # the generated module has this name for the type checker only
    from cqrs.log.v1.log_service_pb2_grpc import LogServiceAsyncStub

LIMITS = ServerLimits(256 * 1024, most_under_way=500, default_seconds=5, drain_seconds=5)


@dataclass(frozen=True)
class Clients:
    """Typed stubs of one server."""

    carts: grpc_stubs.CartCommandServiceAsyncStub
    orders: grpc_stubs.OrderCommandServiceAsyncStub
    log: LogServiceAsyncStub
    channel: grpc.aio.Channel
    """For the stubs of any other domain."""


@asynccontextmanager
async def command_server(log: EventLog, attempts: int = 10, most_streams: int = 1000) -> AsyncIterator[Clients]:
    """Serve every command and the log from `log`."""
    catalogue = Catalogue(CONTRACTS, DECIDERS)
    handler = Handler(log, States(log, most_streams), catalogue, Channels({}), attempts)
    services = [*command_services(catalogue, handler), (DESCRIPTOR, LogService(log).handlers())]
    async with (
        serve("127.0.0.1:0", services, LIMITS) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Clients(
            grpc_stubs.CartCommandServiceStub(channel),
            grpc_stubs.OrderCommandServiceStub(channel),
            LogServiceStub(channel),
            channel,
        )


def eur(minor_units: int) -> Money:
    return Money(minor_units=minor_units, currency_code="EUR")


async def refusal(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str, str]:
    """(code, reason, text) of a call that must be refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    info = ErrorInfo()
    trailing = dict(caught.value.trailing_metadata() or ())
    assert Status.FromString(bytes(trailing["grpc-status-details-bin"])).details[0].Unpack(info)
    return caught.value.code(), info.reason, caught.value.details() or ""
