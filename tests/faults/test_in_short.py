"""The most important faults, once each, under load: in every run of the tests."""

import pytest

from ops.supervisor import System
from tests.faults.scenario import under_load


# promise 001-53, 004-11, 004-14, 002-18, 000-34
async def test_every_part_killed_once_under_load_loses_and_doubles_nothing(victim: System, seed: int) -> None:
    async with under_load(victim, "each killed once", seed) as faults:
        for name in ("command_service", "relay", "projector", "query_service", "nats", "valkey"):
            await faults.kill(name)
            await faults.some_traffic()


# promise 001-53, 004-14
@pytest.mark.parametrize("what", ["views flushed", "stream deleted"])
async def test_a_lost_copy_is_made_again_under_load(victim: System, seed: int, what: str) -> None:
    async with under_load(victim, what, seed) as faults:
        await faults.some_traffic()
        await (faults.flush() if what == "views flushed" else faults.delete_stream())
        await faults.some_traffic()
