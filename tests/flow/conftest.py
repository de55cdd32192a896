"""Two systems for the whole session: one that is only called, one that things are done to."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ops.supervisor import System
from tests.running import Commands, Queries, commands, queries

SERVICES = ("command_service", "relay", "projector", "query_service", "worker")


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system, with two processes on the commands' port."""
    with System(tmp_path_factory.mktemp("system"), environ={"OBVERSE_COMMAND_PROCESSES": "2"}) as system:
        yield system


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system for `fragile`."""
    with System(tmp_path_factory.mktemp("fragile")) as system:
        yield system


@pytest.fixture
def fragile(patient: System) -> Iterator[System]:
    """A system of which parts may be killed or stopped; whatever is down at the end is started again."""
    yield patient
    for name in ("postgres", "nats", "valkey", "mail", *SERVICES):
        patient.start_one(name)
    for name in SERVICES:
        patient.wait_healthy(name)


@pytest.fixture
async def asks(system: System) -> AsyncIterator[Commands]:
    """One connection for commands."""
    async with commands(system.command_address) as clients:
        yield clients


@pytest.fixture
async def reads(system: System) -> AsyncIterator[Queries]:
    """One connection for queries."""
    async with queries(system.query_address) as clients:
        yield clients
