"""Servers for a module of tests, and a world on them for each."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ops.embedded import EmbeddedNats, EmbeddedValkey
from tests.projector.world import World, world
from tests.relay.history import jetstream


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNats]:
    with EmbeddedNats(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
async def place(nats: EmbeddedNats, valkey: EmbeddedValkey) -> AsyncIterator[World]:
    """A world with empty servers."""
    async with jetstream(nats.url) as stream:
        for each in await stream.streams_info():
            await stream.delete_stream(str(each.config.name))
    async with world(nats, valkey) as made:
        await made.admin.flushall()
        yield made
