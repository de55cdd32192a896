"""Deciders and contracts are matched at start; a gap or an overlap is a clear error."""

import pytest

from command_service.catalogue import Catalogue, CatalogueError
from command_service.deciders import CONTRACTS, DECIDERS
from command_service.executions import Executions

CREATE = "cqrs.shop.v1.OrderCommandService.CreateOrder"


# promise 000-2
def test_every_command_has_its_one_handler() -> None:
    catalogue = Catalogue(CONTRACTS, DECIDERS)
    for service in catalogue.services.values():
        for method in service.methods:
            rpc = catalogue.rpc(method.full_name)
            assert catalogue.of_request(method.input_type.full_name) is rpc
            assert rpc.decider.service == service.full_name


# promise 000-13
def test_a_service_that_nobody_decides_is_named() -> None:
    with pytest.raises(CatalogueError, match=r"No Decider for cqrs\.shop\.v1\.\w+: list one in DECIDERS"):
        Catalogue(CONTRACTS, DECIDERS[1:])


def test_a_service_that_is_decided_twice_is_named() -> None:
    with pytest.raises(CatalogueError, match=r"cqrs\.shop\.v1\.\w+ is decided twice"):
        Catalogue(CONTRACTS, (*DECIDERS, DECIDERS[0]))


def test_a_decider_without_a_contract_is_named() -> None:
    with pytest.raises(CatalogueError, match="that no contract declares"):
        Catalogue((), DECIDERS)


# promise 000-24
def test_a_deployment_makes_a_command_asynchronous_by_a_setting() -> None:
    rpc = Catalogue(CONTRACTS, DECIDERS).rpc(CREATE)
    assert (rpc.asynchronous, rpc.channel) == (False, "shop")
    rpc = Catalogue(CONTRACTS, DECIDERS, Executions.parse(f"{CREATE}=async:orders")).rpc(CREATE)
    assert (rpc.asynchronous, rpc.channel) == (True, "orders")


def test_a_setting_for_a_command_that_nobody_declares_is_named() -> None:
    with pytest.raises(CatalogueError, match=r"OBVERSE_EXECUTION names RPCs that no contract declares: cqrs\.shop\.X"):
        Catalogue(CONTRACTS, DECIDERS, Executions.parse("cqrs.shop.X=sync"))


@pytest.mark.parametrize("channel", ["x" * 101, "a\0b", "a\nb"])
def test_a_channel_that_no_operator_could_pause_is_refused_at_start(channel: str) -> None:
    with pytest.raises(ValueError, match="at most 100 printable characters"):
        Executions.parse(f"a.B=async:{channel}")


@pytest.mark.parametrize("text", ["a.B", "a.B=later", "a.B=async", "a.B=sync:x"])
def test_an_override_that_makes_no_sense_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="is neither"):
        Executions.parse(text)
