"""Answers and contracts belong together: a gap or an overlap is an error at start that names the RPC."""

import subprocess
import sys
from typing import Any

import pytest
from cqrs.options.v1.options_pb2 import query
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from query_service.answer import Answer, Last, One, Page, Top, Watching
from query_service.answers import ANSWERS, CONTRACTS
from query_service.memory_read_store import MemoryReadStore
from query_service.projections import projections_of
from query_service.server import CatalogueError, query_services

METHODS = [
    method for contract in CONTRACTS for service in contract.services_by_name.values() for method in service.methods
]


def test_an_rpc_that_nothing_answers_is_named() -> None:
    with pytest.raises(CatalogueError, match=r"No Answer for cqrs\.shop\.v1\.CartQueryService\.GetCart"):
        query_services(CONTRACTS, ANSWERS[1:], MemoryReadStore())


def test_an_rpc_that_is_answered_twice_is_named() -> None:
    with pytest.raises(CatalogueError, match="GetOrder is answered twice"):
        query_services(CONTRACTS, (*ANSWERS, *(a for a in ANSWERS if a.rpc.endswith("GetOrder"))), MemoryReadStore())


def test_an_answer_to_an_rpc_that_no_contract_declares_is_named() -> None:
    unknown = Answer("cqrs.shop.v1.CartQueryService.Nothing", ANSWERS[0].read, ANSWERS[0].respond)
    with pytest.raises(CatalogueError, match=r"no contract declares: cqrs\.shop\.v1\.CartQueryService\.Nothing"):
        query_services(CONTRACTS, (*ANSWERS, unknown), MemoryReadStore())


def test_an_rpc_that_streams_is_watched_and_no_other_is() -> None:
    def without(rpc: str) -> tuple[Answer | Watching, ...]:
        return tuple(answer for answer in ANSWERS if not answer.rpc.endswith(rpc))

    def read(_request: object) -> One:
        raise AssertionError("nobody asks")

    answered = Answer("cqrs.admin.v1.CommandQueryService.WatchCommand", read, ANSWERS[0].respond)
    with pytest.raises(CatalogueError, match="WatchCommand needs a Watching, not an Answer"):
        query_services(CONTRACTS, (*without(".WatchCommand"), answered), MemoryReadStore())
    watched = Watching("cqrs.admin.v1.CommandQueryService.GetCommand", read, ANSWERS[0].respond)
    with pytest.raises(CatalogueError, match="GetCommand needs an Answer, not a Watching"):
        query_services(CONTRACTS, (*without(".GetCommand"), watched), MemoryReadStore())


# promise 000-6, 001-6
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_answer_reads_the_view_that_its_contract_names(method: MethodDescriptor) -> None:
    options = method.GetOptions().Extensions[query]
    (answer,) = [answer for answer in ANSWERS if answer.rpc == method.full_name]
    request: Any = GetMessageClass(method.input_type)()
    if "month" in method.input_type.fields_by_name:
        request.month = "2024-01"  # a field whose shape reading relies on, as the next two
    if "from_day" in method.input_type.fields_by_name:
        request.from_day = request.to_day = "2024-01-01"
    asked = answer.read(request)
    assert asked.type.DESCRIPTOR.full_name == options.view
    assert isinstance(asked, Page | Last | Top if options.index else One)
    assert asked.projection in projections_of(CONTRACTS)


# promise 000-7, 002-10
def test_the_query_server_s_process_loads_no_driver_of_postgres_or_nats() -> None:
    program = (
        "import sys, query_service.__main__; print(*(m for m in ('asyncpg', 'nats', 'psycopg') if m in sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
