"""Asynchronous commands, transfers and fulfilment while each part is killed once: in every run of the tests."""

import random
from collections.abc import Iterator

import pytest

from ops.supervisor import System
from tests.asynchronous import ENVIRON
from tests.faults.proofs import burst, forgotten, fulfilled, transferred
from tests.running import faults

BACKLOG = 1_500
LIMITED = {**ENVIRON, "OBVERSE_CHANNELS": f"{ENVIRON['OBVERSE_CHANNELS']};orders:backlog={BACKLOG}"}


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of which parts are killed."""
    with System(tmp_path_factory.mktemp("shaken"), environ=LIMITED) as system:
        yield system


# promise 000-45, 000-51
async def test_thirty_two_clients_transfer_while_every_part_is_killed_once(shaken: System, seed: int) -> None:
    parts = ["command_service", "postgres", "relay", "nats", "valkey"]
    random.Random(seed).shuffle(parts)
    await transferred(shaken, seed, parts, each=60)


# promise 000-16, 000-19, 000-31, 001-49
async def test_orders_are_fulfilled_while_every_part_is_killed_once(shaken: System, seed: int) -> None:
    parts = ["worker", "relay", "nats", "postgres", "valkey", "mail", "command_service"]
    random.Random(seed).shuffle(parts)
    await fulfilled(shaken, seed, parts, each=4)


# promise 000-28, 000-34, 000-43
async def test_a_burst_waits_its_turn_and_what_is_past_the_backlog_is_turned_away(shaken: System, seed: int) -> None:
    await burst(shaken, seed, BACKLOG + 100, BACKLOG)


# promise 000-16, 000-19
async def test_what_process_managers_have_sent_is_not_sent_again_when_they_forget(shaken: System, seed: int) -> None:
    await forgotten(shaken, seed, 3, ("tok_ok", "tok_ok", "tok_flaky", "tok_declined"))


async def test_after_all_of_it_stream_and_views_are_those_of_the_log(shaken: System) -> None:
    """The checker's own reading of log, stream and views, after everything that was done to this system."""
    found = await faults(shaken)
    assert not found, "\n".join(each[:500] for each in found[:10])
