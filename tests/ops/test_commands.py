"""`obverse commands`: what a query server says of asynchronous commands, for people and for programs."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from click.testing import Result
from cqrs.shop.v1.commands_pb2 import CancelOrderRequest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from ops.cli import app
from query_service.answers import ANSWERS, CONTRACTS
from query_service.memory_read_store import MemoryReadStore
from query_service.server import query_services
from runtime.grpc_server import serve
from tests.query.commands import CANCEL, History, accepted, discarded, failed, refused, succeeded
from tests.query.conftest import LIMITS
from tests.query.writers import until

REQUEST = CancelOrderRequest(order_id="7", reason="too late").SerializeToString()


@pytest.fixture(autouse=True)
def said() -> Iterator[list[Any]]:
    """What the server logs, which would mix with what the command line prints: both are in one process here."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def store() -> MemoryReadStore:
    return MemoryReadStore()


@pytest.fixture
async def port(store: MemoryReadStore) -> AsyncIterator[int]:
    async with serve("127.0.0.1:0", query_services(CONTRACTS, ANSWERS, store), LIMITS) as port:
        yield port


async def obverse(port: int, *arguments: str) -> Result:
    env = {"OBVERSE_QUERY_ADDRESS": f"127.0.0.1:{port}", "OBVERSE_DATA": "no such folder"}
    return await asyncio.to_thread(CliRunner().invoke, app, ["commands", *arguments], env=env)


def a_history() -> History:
    sent = [accepted(f"c{number}", "orders", CANCEL, request=REQUEST) for number in range(5)]
    ends = (succeeded(sent[1], 2), refused(sent[2]), failed(sent[3]), failed(sent[4]), discarded(sent[4]))
    return History().happen(*sent, *ends)


async def listed(port: int, *arguments: str) -> list[Any]:
    done = await obverse(port, "list", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return [json.loads(line)["commandId"] for line in done.stdout.splitlines()]


async def test_commands_are_listed_by_state_channel_and_type(store: MemoryReadStore, port: int) -> None:
    a_history().put_into(store)
    assert await listed(port) == ["c4", "c3", "c2", "c1", "c0"]
    assert await listed(port, "--state", "failed", "--channel", "orders", "--type", CANCEL) == ["c4", "c3"]
    assert await listed(port, "--failed") == ["c3"]
    assert await listed(port, "--limit", "2") == ["c4", "c3"]
    assert await listed(port, "--channel", "none") == []


async def test_every_page_is_listed_where_all_are_asked_for(store: MemoryReadStore, port: int) -> None:
    History().happen(*(accepted(str(number)) for number in range(250))).put_into(store)
    assert await listed(port, "--limit", "0") == [str(number) for number in range(249, -1, -1)]
    assert len(await listed(port, "--limit", "130")) == 130


async def test_a_list_for_people_has_a_line_for_each_and_says_how_many_there_are(
    store: MemoryReadStore, port: int
) -> None:
    a_history().put_into(store)
    done = await obverse(port, "list", "--limit", "3")
    assert done.exit_code == 0, done.output
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["COMMAND", "STATE", "CHANNEL", "TYPE", "ACCEPTED", "ATTEMPTS", "RAN", "WHY"]
    assert rows[1].split()[:4] == ["c4", "FAILED,", "discarded", "orders"]
    assert rows[3].split()[-2:] == ["INSUFFICIENT_STOCK:", "No"]
    assert rows[4] == "3 of 5 commands"
    assert "No commands" in (await obverse(port, "list", "--channel", "none")).stdout


@pytest.mark.parametrize("arguments", [("--state", "lost"), ("--state", "failed", "--failed")])
async def test_a_state_that_there_is_not_is_an_error_naming_those_that_there_are(
    port: int, arguments: tuple[str, ...]
) -> None:
    done = await obverse(port, "list", *arguments)
    assert done.exit_code == 1
    assert "accepted, succeeded, refused, failed" in done.stderr


async def test_one_command_is_shown_whole_with_its_request_decoded(store: MemoryReadStore, port: int) -> None:
    a_history().put_into(store)
    shown = json.loads((await obverse(port, "get", "c3", "--json")).stdout)
    assert (shown["state"], shown["error"], shown["attempts"]) == ("COMMAND_STATE_FAILED", "no answer in 30 s", 5)
    assert shown["request"] == {"orderId": "7", "reason": "too late"}
    text = (await obverse(port, "get", "c4")).stdout
    assert "FAILED, discarded" in text
    assert "too late" in text


async def test_an_unknown_command_is_an_error(port: int) -> None:
    for command in ("get", "watch"):
        done = await obverse(port, command, "nobody")
        assert done.exit_code == 1
        assert "No asynchronous command has the id 'nobody'" in done.stderr


async def test_a_command_is_watched_until_it_is_final(store: MemoryReadStore, port: int, said: list[Any]) -> None:
    history = a_history()
    history.put_into(store)
    watching = asyncio.ensure_future(obverse(port, "watch", "c0"))
    await until(lambda: any(line.get("query") == "WatchCommand" for line in said))
    history.happen(succeeded(accepted("c0", type_=CANCEL), 2)).put_into(store)
    done = await asyncio.wait_for(watching, 10)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "c0 CancelOrderRequest on orders: ACCEPTED",
        "c0 CancelOrderRequest on orders: SUCCEEDED, 2 attempts, ran 1.25 s, 7 at version 3",
    ]


async def test_a_command_that_did_not_succeed_ends_a_watch_with_exit_status_1(
    store: MemoryReadStore, port: int
) -> None:
    a_history().put_into(store)
    done = await obverse(port, "watch", "c2", "--json")
    assert (done.exit_code, json.loads(done.stdout)["refusal"]["reason"]) == (1, "INSUFFICIENT_STOCK")


async def test_a_query_server_that_is_away_is_an_error_that_says_where() -> None:
    done = await obverse(1, "list")
    assert done.exit_code == 1
    assert "The query server at 127.0.0.1:1 does not answer" in done.stderr
