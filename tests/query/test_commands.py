"""What callers are told of asynchronous commands: one, lists of them, and a command watched until it is final."""

import asyncio
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any

import grpc
import pytest
from cqrs.admin.v1.queries_pb2 import (
    GetCommandRequest,
    ListCommandsRequest,
    ListFailedCommandsRequest,
    WatchCommandRequest,
    WatchCommandResponse,
)
from cqrs.admin.v1.queries_pb2_grpc import CommandQueryServiceStub
from cqrs.common.v1.common_pb2 import CommandState, ConsistencyToken, ReadConsistency
from google.protobuf.duration_pb2 import Duration
from redis.asyncio import Redis

from ops.embedded import EmbeddedValkey
from query_service.answers import ANSWERS, CONTRACTS
from query_service.memory_read_store import MemoryReadStore
from query_service.redis_read_store import open_redis_read_store
from query_service.server import query_services
from runtime.call import Call
from runtime.grpc_server import serve
from tests.query.commands import (
    CANCEL,
    COMMANDS,
    PLACE,
    History,
    accepted,
    cancelled,
    discarded,
    failed,
    refused,
    retried,
    succeeded,
)
from tests.query.conftest import LIMITS, asked
from tests.query.errors import reason, retry_seconds
from tests.query.writers import EPOCH, OTHER_EPOCH, RedisWriter, at

ONE = accepted("one")
ACCEPTED, SUCCEEDED, REFUSED, FAILED = (
    CommandState.COMMAND_STATE_ACCEPTED,
    CommandState.COMMAND_STATE_SUCCEEDED,
    CommandState.COMMAND_STATE_REFUSED,
    CommandState.COMMAND_STATE_FAILED,
)


@pytest.fixture
def commands(channel: grpc.aio.Channel) -> CommandQueryServiceStub:
    return CommandQueryServiceStub(channel)


@pytest.fixture
def history() -> History:
    return History()


def as_fresh_as(position: int, max_wait: float = 30, epoch: str = EPOCH) -> ReadConsistency:
    token = ConsistencyToken(epoch=epoch, position=position)
    return ReadConsistency(
        at_least_token=token, max_wait=Duration(nanos=int(max_wait % 1 * 1e9), seconds=int(max_wait))
    )


def watched(consistency: ReadConsistency | None = None, command_id: str = "one") -> WatchCommandRequest:
    return WatchCommandRequest(command_id=command_id, consistency=consistency)


async def next_of(stream: Any) -> WatchCommandResponse:
    message = await asyncio.wait_for(stream.read(), 5)
    assert isinstance(message, WatchCommandResponse), message
    return message


async def refusal(answer: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await asyncio.wait_for(answer, 5)
    return error.value


async def ended(stream: Any) -> bool:
    return bool(await asyncio.wait_for(stream.read(), 5) == grpc.aio.EOF)


async def test_a_command_is_answered_with_its_receipt_once_it_has_succeeded(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History
) -> None:
    history.happen(ONE, succeeded(ONE)).put_into(store)
    answer = await commands.GetCommand(GetCommandRequest(command_id="one", consistency=as_fresh_as(102)))
    assert answer.command == history.views["command:one"]
    assert answer.command.receipt.token == ConsistencyToken(epoch=EPOCH, position=102)
    assert answer.metadata.as_of.position == 102


async def test_an_unknown_command_is_not_found_and_says_where_to_look(commands: CommandQueryServiceStub) -> None:
    error = await refusal(commands.GetCommand(GetCommandRequest(command_id="none")))
    assert (error.code(), reason(error)) == (grpc.StatusCode.NOT_FOUND, ("COMMAND_NOT_FOUND", "cqrs.admin.v1"))
    assert "No asynchronous command has the id 'none'" in (error.details() or "")
    assert "receipt" in (error.details() or "")


async def test_commands_are_listed_by_any_combination_of_state_channel_and_type(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History
) -> None:
    sent = [
        accepted(f"{channel}-{type_[-13]}-{number}", channel, type_)
        for channel, type_, number in product(("orders", "bank.notify"), (PLACE, CANCEL), range(4))
    ]
    history.happen(*sent)
    for number, command in enumerate(sent):
        history.happen(*([], [succeeded(command)], [refused(command)], [failed(command)])[number % 4])
    history.put_into(store)
    views = sorted(history.views.values(), key=lambda view: -view.accept_position)
    for state, channel, type_ in product((0, ACCEPTED, SUCCEEDED, REFUSED, FAILED), ("", "orders"), ("", CANCEL)):
        answer = await commands.ListCommands(ListCommandsRequest(state=state, channel=channel, type=type_))
        inside = [
            view
            for view in views
            if state in (0, view.state) and channel in ("", view.channel) and type_ in ("", view.type)
        ]
        assert list(answer.commands) == inside
        assert answer.total_size == len(inside) > 0


@pytest.mark.parametrize(("named", "type_"), [("orders", "x.Y"), ("none", ""), ("a", f"b:{PLACE}")])
async def test_a_list_of_what_is_not_there_is_empty(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History, named: str, type_: str
) -> None:
    history.happen(ONE, accepted("two", "a:b")).put_into(store)
    answer = await commands.ListCommands(ListCommandsRequest(channel=named, type=type_))
    assert (list(answer.commands), answer.total_size) == ([], 0)


# promise 001-49
async def test_failed_commands_are_listed_until_somebody_retries_or_discards_them(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History
) -> None:
    sent = [accepted(str(number), "orders", PLACE) for number in range(25)]
    history.happen(*sent, *(failed(command) for command in sent))
    history.happen(retried(sent[3]), discarded(sent[4]), discarded(sent[24])).put_into(store)
    first = await commands.ListFailedCommands(ListFailedCommandsRequest(channel="orders", type=PLACE))
    rest = await commands.ListFailedCommands(
        ListFailedCommandsRequest(channel="orders", type=PLACE, page_token=first.next_page_token)
    )
    shown = [int(command.command_id) for command in (*first.commands, *rest.commands)]
    assert shown == [number for number in range(23, -1, -1) if number not in (3, 4)]
    assert (first.total_size, rest.next_page_token) == (22, "")


async def test_a_watched_command_is_shown_as_it_is_then_after_each_change_until_it_is_final(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History
) -> None:
    history.happen(ONE, failed(ONE), retried(ONE)).put_into(store)
    stream = commands.WatchCommand(watched())
    first = await next_of(stream)
    assert (first.command, first.skipped) == (history.views["command:one"], 0)
    assert first.metadata.as_of == ConsistencyToken(epoch=EPOCH, position=103)
    history.happen(succeeded(ONE)).put_into(store)
    last = await next_of(stream)
    assert (last.command.state, last.skipped) == (SUCCEEDED, 0)
    assert last.command.receipt.token.position == last.metadata.as_of.position == 104
    assert await ended(stream)
    assert await stream.code() == grpc.StatusCode.OK


@pytest.mark.parametrize("end", [succeeded, refused, failed, cancelled])
async def test_a_command_that_is_final_is_shown_once(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History, end: Any
) -> None:
    history.happen(ONE, end(ONE)).put_into(store)
    stream = commands.WatchCommand(watched())
    assert (await next_of(stream)).command.state != ACCEPTED
    assert await ended(stream)


async def test_a_watch_waits_for_its_token_before_it_shows_or_finds_nothing(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History
) -> None:
    store.apply(COMMANDS.name, at(90))
    stream = commands.WatchCommand(watched(as_fresh_as(101)))
    reading = asyncio.ensure_future(stream.read())
    await asyncio.wait((reading,), timeout=0.05)
    assert not reading.done()
    history.happen(ONE).put_into(store)
    assert (await asyncio.wait_for(reading, 5)).command.state == ACCEPTED
    stream.cancel()
    error = await refusal(commands.WatchCommand(watched(as_fresh_as(101), "none")).read())
    assert (error.code(), reason(error)[0]) == (grpc.StatusCode.NOT_FOUND, "COMMAND_NOT_FOUND")
    error = await refusal(commands.WatchCommand(watched(as_fresh_as(400, 0.05))).read())
    assert (error.code(), reason(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "NOT_CAUGHT_UP")


async def test_a_watch_is_resumed_by_the_token_of_its_last_message(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History
) -> None:
    history.happen(ONE).put_into(store)
    stream = commands.WatchCommand(watched())
    token = (await next_of(stream)).metadata.as_of
    stream.cancel()
    history.happen(failed(ONE), retried(ONE)).put_into(store)
    resumed = commands.WatchCommand(watched(ReadConsistency(at_least_token=token)))
    assert (await next_of(resumed)).command.version == 3
    resumed.cancel()
    error = await refusal(commands.WatchCommand(watched(as_fresh_as(1, epoch=OTHER_EPOCH))).read())
    assert (error.code(), reason(error)[0]) == (grpc.StatusCode.FAILED_PRECONDITION, "EPOCH_MISMATCH")


def watching(store: Any) -> AsyncIterator[Any]:
    """A watch without the network, whose reader is as slow as the test."""
    services = {service.full_name: handlers for service, handlers in query_services(CONTRACTS, ANSWERS, store)}
    handler = services["cqrs.admin.v1.CommandQueryService"]["WatchCommand"]
    return handler(watched(), Call("WatchCommand", "", 0, ""))  # type: ignore[return-value]


async def test_a_slow_reader_skips_states_and_is_told_how_many(store: MemoryReadStore, history: History) -> None:
    history.happen(ONE).put_into(store)
    stream = watching(store)
    assert (await anext(stream)).skipped == 0
    for more in (failed(ONE), retried(ONE), failed(ONE), retried(ONE)):
        history.happen(more).put_into(store)
    message = await anext(stream)
    assert (message.command.version, message.skipped) == (5, 3)
    history.happen(succeeded(ONE)).put_into(store)
    message = await anext(stream)
    assert (message.command.version, message.skipped) == (6, 0)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_what_does_not_change_the_command_is_no_message_and_views_folded_again_are_waited_for(
    store: MemoryReadStore, history: History
) -> None:
    history.happen(ONE).put_into(store)
    stream = watching(store)
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    history.happen(accepted("two")).put_into(store)
    await asyncio.wait((waiting,), timeout=0.05)
    lost = at(3, head=102, state="CATCHING_UP")
    store.apply(COMMANDS.name, lost, {"command:one": b""})
    await asyncio.wait((waiting,), timeout=0.05)
    assert not waiting.done()
    history.happen(succeeded(ONE)).put_into(store)
    assert (await asyncio.wait_for(waiting, 5)).command.state == SUCCEEDED


async def test_a_store_that_goes_away_ends_a_watch_with_unavailable(
    store: MemoryReadStore, commands: CommandQueryServiceStub, history: History
) -> None:
    history.happen(ONE).put_into(store)
    stream = commands.WatchCommand(watched())
    await next_of(stream)
    store.available = False
    history.happen(accepted("two")).put_into(store)
    error = await refusal(stream.read())
    assert (error.code(), reason(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert retry_seconds(error)
    error = await refusal(commands.WatchCommand(watched()).read())
    assert reason(error)[0] == "STORE_UNAVAILABLE"


async def test_a_drain_ends_a_watch_with_unavailable(store: MemoryReadStore, history: History) -> None:
    history.happen(ONE).put_into(store)
    async with serve("127.0.0.1:0", query_services(CONTRACTS, ANSWERS, store), LIMITS) as port:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        stream = CommandQueryServiceStub(channel).WatchCommand(watched())
        await next_of(stream)
    async with channel:
        error = await refusal(stream.read())
        assert (error.code(), reason(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")


async def test_a_caller_s_deadline_ends_a_watch_and_a_watch_without_one_has_none_of_ours(
    store: MemoryReadStore, history: History
) -> None:
    history.happen(ONE).put_into(store)
    short = LIMITS.__class__(request_bytes=65536, most_under_way=1000, default_seconds=0.2, drain_seconds=1)
    async with (
        serve("127.0.0.1:0", query_services(CONTRACTS, ANSWERS, store), short) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        commands = CommandQueryServiceStub(channel)
        endless = commands.WatchCommand(watched())
        bounded = commands.WatchCommand(watched(), timeout=0.4)
        assert (await next_of(endless)).command == (await next_of(bounded)).command
        assert (await refusal(bounded.read())).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        history.happen(succeeded(ONE)).put_into(store)
        assert (await next_of(endless)).command.state == SUCCEEDED


# promise 001-55
async def test_watches_on_a_real_store_are_woken_by_notices_and_end_when_it_is_killed(tmp_path: Path) -> None:
    history = History().happen(ONE)
    with EmbeddedValkey(tmp_path) as server:
        async with open_redis_read_store(server.url_for("query")) as store, asked(store) as channel:
            await store.listening.wait()
            writer = Redis.from_url(server.url)
            await apply(writer, history)
            commands = CommandQueryServiceStub(channel)
            streams = [commands.WatchCommand(watched()) for _ in range(50)]
            assert {(await next_of(stream)).command.version for stream in streams} == {1}
            began = asyncio.get_running_loop().time()
            await apply(writer, history.happen(failed(ONE), retried(ONE)))
            assert {((shown := await next_of(stream)).command.version, shown.skipped) for stream in streams} == {(3, 1)}
            assert asyncio.get_running_loop().time() - began < 1.0
            await writer.aclose()
            server.kill()
            for stream in streams:
                error = await refusal(stream.read())
                assert (error.code(), reason(error)[0]) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")


async def apply(writer: Redis, history: History) -> None:
    views = {key: view.SerializeToString() for key, view in history.views.items()}
    await RedisWriter(writer).apply(COMMANDS.name, at(history.position), views)


async def test_a_watch_is_logged_message_by_message(
    store: MemoryReadStore, history: History, lines: list[dict[str, object]]
) -> None:
    history.happen(ONE, failed(ONE)).put_into(store)
    await anext(watching(store))
    (line,) = [line for line in lines if line.get("query") == "WatchCommand"]
    assert {name: line[name] for name in ("event", "view", "found", "position", "skipped")} == {
        "event": "query answered",
        "view": "platform.commands command:one",
        "found": True,
        "position": 102,
        "skipped": 0,
    }
    assert isinstance(line["bytes"], int)
