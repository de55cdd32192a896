"""Asynchronous commands, transfers and fulfilment while each part is killed once: in every run of the tests."""

import random
from collections.abc import Iterator

import pytest

from ops.supervisor import System
from tests.asynchronous import ENVIRON
from tests.faults.proofs import fulfilled, transferred


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of which parts are killed."""
    with System(tmp_path_factory.mktemp("shaken"), environ=ENVIRON) as system:
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
