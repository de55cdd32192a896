"""Deciders and contracts are matched at start; a gap or an overlap is a clear error."""

import pytest

from command_service.deciders import CONTRACTS, DECIDERS
from command_service.handle import Handler
from command_service.memory_event_log import MemoryEventLog
from command_service.server import CatalogueError, command_services
from command_service.states import States


@pytest.fixture
async def handler() -> Handler:
    log = MemoryEventLog()
    return Handler(log, States(log, 10), 3)


# promise 000-2
async def test_every_command_has_its_one_handler(handler: Handler) -> None:
    services = command_services(CONTRACTS, DECIDERS, handler)
    assert {service.name: len(handlers) for service, handlers in services} == {
        "CartCommandService": 4,
        "OrderCommandService": 10,
    }


async def test_a_service_that_nobody_decides_is_named(handler: Handler) -> None:
    with pytest.raises(CatalogueError, match=r"No Decider for cqrs\.shop\.v1\.\w+: list one in DECIDERS"):
        command_services(CONTRACTS, DECIDERS[:1], handler)


async def test_a_service_that_is_decided_twice_is_named(handler: Handler) -> None:
    with pytest.raises(CatalogueError, match=r"cqrs\.shop\.v1\.\w+ is decided twice"):
        command_services(CONTRACTS, (*DECIDERS, DECIDERS[0]), handler)


async def test_a_decider_without_a_contract_is_named(handler: Handler) -> None:
    with pytest.raises(CatalogueError, match="that no contract declares"):
        command_services((), DECIDERS, handler)
