"""Step 7: what the stream cannot give is asked of the log itself, through LogService.

LogAway     the command server is away; asked again later
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import grpc.aio
from cqrs.log.v1.log_service_pb2 import GetHeadRequest, ReadLogRequest
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub

from runtime.record import Head

if TYPE_CHECKING:
    from cqrs.log.v1.log_service_pb2_grpc import LogServiceAsyncStub

CALL_SECONDS = 5.0


class LogAway(Exception):
    """LogService cannot be reached."""


class Delivered(NamedTuple):
    """A record as the stream or the log gave it; not verified yet."""

    position: int
    epoch: str
    chain: bytes
    record: bytes


class LogClient:
    """Reads the log through LogService."""

    def __init__(self, stub: "LogServiceAsyncStub") -> None:
        self._stub = stub

    async def head(self) -> Head:
        """Where the log ends; raises LogAway."""
        with _translated():
            answer = await self._stub.GetHead(GetHeadRequest(), timeout=CALL_SECONDS)
        return Head(answer.token.epoch, answer.token.position, answer.chain)

    async def read(self, after: int, limit: int) -> list[Delivered]:
        """At most `limit` records after a position, in order; fewer where the log ends; raises LogAway."""
        request = ReadLogRequest(after_position=after, limit=limit, stop_at_head=True)
        with _translated():
            answers = [each async for each in self._stub.ReadLog(request, timeout=CALL_SECONDS)]
        return [Delivered(each.position, each.epoch, each.chain, each.record) for each in answers if each.record]


@asynccontextmanager
async def open_log(address: str) -> AsyncIterator[LogClient]:
    """LogService at host:port."""
    # gRPC's own pauses grow to two minutes; the lag would be unknown for as long after the server is back.
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        yield LogClient(LogServiceStub(channel))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise LogAway(f"the log service: {error.code().name} {error.details()}") from None
