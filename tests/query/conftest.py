"""A query server over a store in memory."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import grpc
import pytest
import structlog

from query_service.answers import ANSWERS, CONTRACTS
from query_service.memory_read_store import MemoryReadStore
from query_service.read_store import ReadStore
from query_service.server import query_services
from runtime.grpc_server import ServerLimits, serve

LIMITS = ServerLimits(request_bytes=65536, most_under_way=1000, default_seconds=35, drain_seconds=1)


@asynccontextmanager
async def asked(store: ReadStore) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server that answers from this store."""
    async with (
        serve("127.0.0.1:0", query_services(CONTRACTS, ANSWERS, store), LIMITS) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


@pytest.fixture
def store() -> MemoryReadStore:
    return MemoryReadStore()


@pytest.fixture
async def channel(store: MemoryReadStore) -> AsyncIterator[grpc.aio.Channel]:
    async with asked(store) as channel:
        yield channel


@pytest.fixture
def lines() -> Iterator[list[dict[str, object]]]:
    """The log lines of the test."""
    with structlog.testing.capture_logs() as lines:
        yield lines
