"""One relay is active, the others stand by; the lock is the database's."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from command_service.relay.lease import LeaseLost, lease
from ops.embedded import EmbeddedPostgres


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


async def test_a_second_relay_stands_by_until_the_first_has_ended(postgres: EmbeddedPostgres) -> None:
    dsn = postgres.dsn("postgres", "postgres")
    async with AsyncExitStack() as second:
        async with lease(dsn):
            waiting = asyncio.create_task(second.enter_async_context(lease(dsn)))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(waiting), 0.3)
        assert not (await asyncio.wait_for(waiting, 10)).is_set()


async def test_without_a_database_there_is_no_lease(tmp_path: Path) -> None:
    with pytest.raises(LeaseLost, match="cannot be reached"):
        async with lease("postgresql://nobody@127.0.0.1:1/nothing"):
            pass


async def test_a_killed_database_ends_the_lease(postgres: EmbeddedPostgres) -> None:
    async with lease(postgres.dsn("postgres", "postgres")) as lost:
        await asyncio.to_thread(postgres.kill)
        await asyncio.wait_for(lost.wait(), 10)
    await asyncio.to_thread(postgres.start)
