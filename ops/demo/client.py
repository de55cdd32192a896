"""Demo, step 2: a running system as a client meets it: generated stubs, many calls in flight, retries."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any

import grpc
from cqrs.common.v1.common_pb2 import CommandReceipt, ConsistencyToken
from cqrs.shop.v1.commands_pb2_grpc import CartCommandServiceStub, OrderCommandServiceStub
from cqrs.shop.v1.queries_pb2_grpc import OrderQueryServiceStub
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

if TYPE_CHECKING:
    from cqrs.shop.v1.commands_pb2_grpc import CartCommandServiceAsyncStub, OrderCommandServiceAsyncStub
    from cqrs.shop.v1.queries_pb2_grpc import OrderQueryServiceAsyncStub

IN_FLIGHT = 256
"""Calls under way at a time."""

_CHANNELS = 4
_SECONDS = 30.0
_ATTEMPTS = 8
_TRANSIENT = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
_REFUSED = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
)
_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))


class CallRefused(Exception):
    """A command or query was refused; the text is the server's own."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(f"{error.code().name}: {error.details()}")
        self.reason = _reason(error)
        """The value of the domain's enum, without its prefix; empty where the answer names none."""


class Server:
    """One side of the running system, over several connections."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        self.channels = channels
        self.in_flight = asyncio.Semaphore(IN_FLIGHT)
        self.answered = 0
        """Calls that came to an answer, refusals included."""
        self.last = ConsistencyToken()
        """The furthest point in the log of any receipt."""

    async def command(self, call: Callable[..., Any], request: Any) -> CommandReceipt:
        """Send a command until it is answered; its command id makes that one effect. Raises CallRefused."""
        receipt: CommandReceipt = (await self.ask(call, request)).receipt
        if receipt.token.position > self.last.position:
            self.last.CopyFrom(receipt.token)
        return receipt

    async def ask(self, call: Callable[..., Any], request: Message) -> Any:
        """Call until there is an answer; raises CallRefused, or the last error of a server that stays away."""
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self.in_flight:
                    answer = await call(request, timeout=_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() in _REFUSED:
                    self.answered += 1
                    raise CallRefused(error) from error
                if error.code() not in _TRANSIENT or attempt == _ATTEMPTS:
                    raise
            else:
                self.answered += 1
                return answer
            await asyncio.sleep(random.uniform(0.5, 1.0) * 0.05 * 2**attempt)


class Shop(Server):
    """One side of the shop."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        super().__init__(channels)
        stubs = [
            (CartCommandServiceStub(channel), OrderCommandServiceStub(channel), OrderQueryServiceStub(channel))
            for channel in channels
        ]
        self._stubs = cycle(stubs)

    @property
    def cart(self) -> "CartCommandServiceAsyncStub":
        """The cart's commands, on each of the connections in turn."""
        return next(self._stubs)[0]

    @property
    def order(self) -> "OrderCommandServiceAsyncStub":
        """The orders' commands, on each of the connections in turn."""
        return next(self._stubs)[1]

    @property
    def order_queries(self) -> "OrderQueryServiceAsyncStub":
        """The orders' queries, on each of the connections in turn."""
        return next(self._stubs)[2]


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Shop]:
    """The shop at host:port; the connections are closed at the end."""
    async with connections(address) as channels:
        yield Shop(channels)


@asynccontextmanager
async def connections(address: str) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Several connections to host:port, closed at the end."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(grpc.aio.insecure_channel(address, _OPTIONS)) for _ in range(_CHANNELS)]


def _reason(error: grpc.aio.AioRpcError) -> str:
    trailing = dict(error.trailing_metadata() or ())
    info = ErrorInfo()
    for detail in Status.FromString(bytes(trailing.get("grpc-status-details-bin", b""))).details:
        if detail.Unpack(info):
            return info.reason
    return ""
