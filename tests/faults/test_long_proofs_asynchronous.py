"""Transfers, fulfilment and bursts under kills at random moments, by seed: what is accepted is executed once."""

import random
from collections.abc import Iterator

import pytest

from ops.supervisor import System
from tests.asynchronous import ENVIRON
from tests.faults.proofs import burst, forgotten, fulfilled, shared, transferred

pytestmark = pytest.mark.faults

BACKLOG = 10_000
LIMITED = {**ENVIRON, "OBVERSE_CHANNELS": f"{ENVIRON['OBVERSE_CHANNELS']};orders:backlog={BACKLOG}"}


@pytest.fixture
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of its own for each proof: each ends with its whole log."""
    with System(tmp_path_factory.mktemp("shaken"), environ=LIMITED) as system:
        yield system


# promise 000-45, 000-51
@pytest.mark.parametrize("processes", ["1", "2"])
async def test_money_is_neither_made_nor_lost_under_kills(
    tmp_path_factory: pytest.TempPathFactory, seed: int, processes: str
) -> None:
    """S1, S4, S7, S9, S20; I10 at every sampled moment."""
    environ = {**ENVIRON, "OBVERSE_COMMAND_PROCESSES": processes}
    with System(tmp_path_factory.mktemp("bank"), environ=environ) as system:
        chance = random.Random(f"{seed} {processes}")
        parts = chance.choices(("command_service", "postgres", "relay", "nats", "valkey", "worker", "projector"), k=24)
        await transferred(system, seed, parts, each=150)


# promise 000-16, 000-18, 000-19, 000-31, 001-49
async def test_every_order_is_fulfilled_or_taken_back_under_kills(shaken: System, seed: int) -> None:
    """S31, S32; I11."""
    parts = ("worker", "worker", "worker", "relay", "nats", "postgres", "valkey", "mail", "command_service")
    await fulfilled(shaken, seed, random.Random(seed).choices(parts, k=24), each=10, patience=0.3)


# promise 000-28, 000-34, 000-43
async def test_ten_thousand_at_once_wait_their_turn_and_more_are_turned_away(shaken: System, seed: int) -> None:
    """I11, I12, I15."""
    await burst(shaken, seed, BACKLOG + 500, BACKLOG)


# promise 000-27, 000-30
async def test_twice_the_workers_take_about_half_the_time_and_execute_everything_once(
    shaken: System, seed: int
) -> None:
    took = await shared(shaken, seed, 120, (1, 2, 4), 0.1)
    assert took[2] < 0.75 * took[1], took
    assert took[4] < 0.55 * took[1], took


# promise 000-16, 000-19
async def test_nothing_is_sent_twice_when_views_stream_and_checkpoints_are_lost(shaken: System, seed: int) -> None:
    """S15, S22."""
    await forgotten(shaken, seed, 12)
