"""The load client against a real grpc.aio server: what it counts is what happened."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest

from bench.load import Follow, Load, LoadError, percentile, run_load

_SECONDS = 0.3


class _Server:
    """Answers, refuses and follows; counts what arrives."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def echo(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        self.bodies.append(request)
        return request

    async def refuse(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        context.set_trailing_metadata((("obverse-message-id", "x" * 300), ("details-bin", b"\x00\xff" * 50)))
        await context.abort(grpc.StatusCode.ABORTED, "Expected version 1, got 2")
        raise AssertionError("abort raises")

    async def watch(self, request: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        for number in range(request.count(b"1")):
            yield b"answer %d" % number

    async def large(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return bytes(200_000)


@pytest.fixture
async def served() -> AsyncIterator[tuple[_Server, str]]:
    handler, server = _Server(), grpc.aio.server()
    methods = {"Echo": handler.echo, "Refuse": handler.refuse, "Large": handler.large}
    handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    handlers["Watch"] = grpc.unary_stream_rpc_method_handler(handler.watch)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Test", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield handler, f"127.0.0.1:{port}"
    await server.stop(0)


def _load(address: str, method: str = "Echo") -> Load:
    return Load(
        address,
        f"/bench.Test/{method}",
        "tests.bench.bodies:numbered",
        callers=8,
        connections=2,
        seconds=_SECONDS,
        warmup_seconds=0.1,
    )


async def test_each_call_carries_a_body_of_its_own_and_every_answer_is_counted(served: tuple[_Server, str]) -> None:
    server, address = served
    result = await asyncio.to_thread(run_load, _load(address))
    assert result.errors == {}
    assert result.calls == len(result.latencies) > 50
    assert len(server.bodies) == len(set(server.bodies)) == result.all_calls
    assert result.answer_bytes == 300 * result.calls
    assert 0 < percentile(result.latencies, 0.5) <= percentile(result.latencies, 0.99) < 1


async def test_a_count_ends_the_load_after_exactly_so_many_calls(served: tuple[_Server, str]) -> None:
    server, address = served
    result = await asyncio.to_thread(
        run_load, replace(_load(address), count=101, seconds=10.0, warmup_seconds=0.0, keep=3)
    )
    assert len(server.bodies) == result.all_calls == 101
    assert len(result.kept) == 3


async def test_an_open_loop_keeps_its_rate(served: tuple[_Server, str]) -> None:
    _, address = served
    result = await asyncio.to_thread(run_load, replace(_load(address), rate=100.0, seconds=1.0))
    assert 85 < result.per_second < 115


async def test_refusals_are_counted_with_code_and_text_and_never_as_calls(served: tuple[_Server, str]) -> None:
    _, address = served
    result = await asyncio.to_thread(run_load, _load(address, "Refuse"))
    assert list(result.errors) == ["10 Expected version 1, got 2"]
    assert result.calls == result.all_calls == 0
    assert result.failed > 20


async def test_a_method_that_nobody_serves_is_an_error_of_every_call(served: tuple[_Server, str]) -> None:
    _, address = served
    result = await asyncio.to_thread(run_load, _load(address, "Absent"))
    assert [text.split()[0] for text in result.errors] == ["12"]


async def test_answers_over_many_frames_arrive_whole(served: tuple[_Server, str]) -> None:
    _, address = served
    result = await asyncio.to_thread(run_load, _load(address, "Large"))
    assert result.errors == {}
    assert result.answer_bytes == 200_000 * result.calls > 0


async def test_of_several_answers_the_last_one_counts_and_none_is_an_error(served: tuple[_Server, str]) -> None:
    _, address = served
    result = await asyncio.to_thread(
        run_load, replace(_load(address, "Watch"), count=112, warmup_seconds=0.0, keep=112)
    )
    assert set(result.kept) == {b"answer 0", b"answer 1", b"answer 2"}
    assert result.failed + result.all_calls == 112
    assert all("no whole uncompressed message" in text for text in result.errors)


async def test_answers_are_followed_and_the_newest_settles_the_run(served: tuple[_Server, str]) -> None:
    server, address = served
    follow = Follow(address, "/bench.Test/Echo", "tests.bench.bodies:marked", per_second=50)
    settle = Follow(address, "/bench.Test/Echo", "tests.bench.bodies:last")
    result = await asyncio.to_thread(
        run_load, replace(_load(address), follow=follow, settle=settle, settle_at_once=settle)
    )
    assert result.errors == {}
    assert 5 <= len(result.follow_latencies) <= 20
    assert sum(body.startswith(b"after ") for body in server.bodies) == len(result.follow_latencies)
    assert result.settle_seconds is not None
    assert result.settle_seconds > 0
    assert result.settled == result.at_once == b"last " + result.first_newest_last[1]


async def test_a_connection_that_breaks_is_counted_for_every_call_in_flight() -> None:
    def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))  # an empty SETTINGS frame
        asyncio.get_running_loop().call_later(0.2, writer.close)

    async with await asyncio.start_server(drop, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        result = await asyncio.to_thread(run_load, _load(f"{host}:{port}"))
    assert result.calls == 0
    assert result.failed == 8
    assert all(text.startswith("14 connection lost") for text in result.errors)


async def test_a_server_that_is_not_there_is_said_so() -> None:
    with pytest.raises(LoadError, match=r"127\.0\.0\.1:9/bench\.Test/Echo failed"):
        await asyncio.to_thread(run_load, _load("127.0.0.1:9"))


async def test_processor_time_of_watched_processes_comes_back(served: tuple[_Server, str]) -> None:
    import os

    _, address = served
    result = await asyncio.to_thread(run_load, replace(_load(address), watch={"server": os.getpid()}))
    assert 0 < result.cpu_per_call(["server"]) < 0.05
    assert result.cpu["load"] > 0
