"""Kills, pauses and losses at random moments under load, by seed: no answered command is lost, none has two effects."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import nats
import pytest

from ops.supervisor import System
from tests.faults.scenario import Faults, under_load
from tests.running import one_more, until

pytestmark = pytest.mark.faults


# promise 001-53, 002-18, 004-11, 004-14
@pytest.mark.parametrize(
    "name", ["command_service", "relay", "projector", "query_service", "nats", "valkey", "postgres"]
)
async def test_a_part_killed_again_and_again(victim: System, seed: int, name: str) -> None:
    """S1, S4, S7, S9, S20, S23."""
    async with under_load(victim, f"kill {name}", seed) as faults:
        for _ in range(4):
            await faults.kill(name)
            await faults.some_traffic()
            await faults.look()


async def test_two_parts_killed_at_once(victim: System, seed: int) -> None:
    async with under_load(victim, "kill two at once", seed) as faults:
        for _ in range(4):
            pair = faults.chance.sample(("command_service", "relay", "projector", "nats", "valkey", "postgres"), 2)
            await asyncio.gather(*(faults.kill(name) for name in pair))
            await faults.some_traffic()


# promise 001-53, 004-14
async def test_the_views_flushed_again_and_again(victim: System, seed: int) -> None:
    """S22."""
    async with under_load(victim, "FLUSHALL", seed) as faults:
        for _ in range(4):
            await faults.flush()
            await faults.some_traffic(1, 100)
            await faults.look()


# promise 001-53, 004-14
async def test_the_views_rolled_back_to_an_older_state(victim: System, seed: int) -> None:
    """S22: a moment later the store has an older copy of everything in it."""
    async with under_load(victim, "views rolled back", seed) as faults:
        for _ in range(2):
            await faults.roll_back()
            await faults.some_traffic()


async def test_the_stream_deleted_again_and_again(victim: System, seed: int) -> None:
    """S15."""
    async with under_load(victim, "stream deleted", seed) as faults:
        for _ in range(3):
            await faults.delete_stream()
            await faults.some_traffic()


async def test_a_stream_that_somebody_else_has_written_to_is_left_alone_until_it_is_deleted(
    victim: System, seed: int
) -> None:
    """S15: the relay says DIVERGED, nothing of it reaches a view, and commands go on."""
    async with under_load(victim, "rogue message", seed) as faults:
        await faults.delete_stream()
        connection = await nats.connect(victim.nats.url)
        stream = connection.jetstream()

        async def forged() -> bool:
            config = (await stream.stream_info("LOG")).config  # the relay may have made it again already
            await stream.publish("log.shop.order.OrderCreated", b"forged", headers={"Obverse-Position": "1"})
            return config is not None

        await until(forged)

        async def diverged() -> bool:
            return (await asyncio.to_thread(victim.status, "relay") or {}).get("state") == "DIVERGED"

        await until(diverged)
        await connection.close()
        await faults.look()
        # Reads by token cannot go on until the operator has deleted what is not the log's.
        await faults.load.answered(20)
        await faults.delete_stream()


async def test_a_projector_that_slept_while_another_went_on_changes_nothing(victim: System, seed: int) -> None:
    """S24."""
    async with under_load(victim, "zombie projector", seed) as faults:
        with one_more(victim, "projector"):
            for _ in range(3):
                await faults.pause(victim.pid("projector"), lambda: reads_on(faults))
                await faults.some_traffic()
                await faults.look()


async def test_two_relays_of_which_one_or_the_other_is_killed_or_sleeps(victim: System, seed: int) -> None:
    """S7."""
    async with under_load(victim, "two relays", seed) as faults:
        with one_more(victim, "relay"):
            for _ in range(2):
                await faults.kill("relay")
                await faults.some_traffic()
                await faults.pause(victim.pid("relay"), faults.some_traffic)
        await faults.some_traffic()


async def test_anything_at_any_time(victim: System, seed: int) -> None:
    """S43."""
    async with under_load(victim, "anything", seed) as faults:
        parts = ("command_service", "relay", "projector", "query_service", "nats", "valkey", "postgres")
        for _ in range(8):
            kills: list[Callable[[], Awaitable[None]]] = [partial(faults.kill, name) for name in parts]
            await faults.chance.choice([*kills, faults.flush, faults.delete_stream])()
            await faults.some_traffic(1, 60)


async def reads_on(faults: Faults) -> None:
    """Writes are read back by token, so the views go on."""
    goal = faults.load.read + 10

    async def reading() -> bool:
        return faults.load.read >= goal

    await until(reading)
