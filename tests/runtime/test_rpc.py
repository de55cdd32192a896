"""One way in for every RPC: what every call is owed, over a real server and a real channel."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from cqrs.log.v1 import log_service_pb2 as log_messages
from cqrs.shop.v1 import commands_pb2 as shop
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.call import Call
from runtime.grpc_server import ServerLimits, serve
from runtime.rpc import Unary

CARTS = shop.DESCRIPTOR.services_by_name["CartCommandService"]
LOG = log_messages.DESCRIPTOR.services_by_name["LogService"]
LIMITS = ServerLimits(request_bytes=256 * 1024, most_under_way=3, default_seconds=5, drain_seconds=5, share_port=False)
GOOD = shop.ClearCartRequest(user_id="u")


async def clear_cart(_request: Any, call: Call) -> Message:
    return shop.ClearCartResponse()


@asynccontextmanager
async def serving(handler: Unary = clear_cart, limits: ServerLimits = LIMITS) -> AsyncIterator[grpc.aio.Channel]:
    async with (
        serve("127.0.0.1:0", [(CARTS, {"ClearCart": handler}), (LOG, {"ReadLog": endless})], limits) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


async def endless(_request: Any, _call: Call) -> AsyncIterator[Message]:
    yield log_messages.ReadLogResponse(position=1)
    await asyncio.Event().wait()


def clear(channel: grpc.aio.Channel, request: Message = GOOD, **options: Any) -> Any:
    rpc = channel.unary_unary(
        "/cqrs.shop.v1.CartCommandService/ClearCart",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=shop.ClearCartResponse.FromString,
    )
    return rpc(request, **options)


async def refused(call: Awaitable[Any]) -> tuple[grpc.aio.AioRpcError, ErrorInfo]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    trailing = dict(caught.value.trailing_metadata() or ())
    status, info = Status.FromString(bytes(trailing["grpc-status-details-bin"])), ErrorInfo()
    kinds = [detail.type_url for detail in status.details]
    assert len(kinds) == len(set(kinds)), "each detail once"
    assert status.details[0].Unpack(info)
    assert len(trailing["obverse-message-id"]) == 36
    return caught.value, info


# promise 001-31
async def test_every_answer_has_a_new_message_id_errors_included() -> None:
    async with serving() as channel:
        ids = set()
        for request in (GOOD, GOOD, shop.ClearCartRequest()):
            call = clear(channel, request)
            ids.add(dict(await call.trailing_metadata())["obverse-message-id"])
        assert len(ids) == 3


# promise 000-2, 003-3
async def test_an_rpc_without_a_handler_is_unimplemented_and_named() -> None:
    async with serving() as channel:
        rpc = channel.unary_unary(
            "/cqrs.shop.v1.CartCommandService/AddItemToCart",
            request_serializer=shop.AddItemToCartRequest.SerializeToString,
            response_deserializer=shop.AddItemToCartResponse.FromString,
        )
        request = shop.AddItemToCartRequest(user_id="u", item_id="i", quantity=1, price={"currency_code": "EUR"})
        error, info = await refused(rpc(request))
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED
        assert error.details() == "No handler for cqrs.shop.v1.CartCommandService.AddItemToCart"
        assert info.reason == "NO_HANDLER"


async def test_a_fault_of_ours_tells_the_caller_nothing_but_a_message_id(capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(_request: Any, _call: Call) -> Message:
        raise ValueError("canary: postgresql://user:secret@db")

    async with serving(broken) as channel:
        error, info = await refused(clear(channel))
        assert error.code() == grpc.StatusCode.INTERNAL
        assert info.metadata["message_id"] in (error.details() or "")
        assert "canary" not in repr(error)


async def test_a_handler_cancelled_by_its_own_side_still_answers() -> None:
    async def cancelled(_request: Any, _call: Call) -> Message:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future
        raise AssertionError

    async with serving(cancelled) as channel:
        error, _ = await refused(clear(channel, timeout=5))
        assert error.code() == grpc.StatusCode.INTERNAL


# promise 000-34
async def test_calls_beyond_the_limit_are_told_to_come_back() -> None:
    release, entered = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(_request: Any, _call: Call) -> Message:
        entered.release()
        await release.wait()
        return shop.ClearCartResponse()

    async with serving(slow) as channel:
        waiting = [asyncio.ensure_future(_result(clear(channel))) for _ in range(3)]
        for _ in waiting:
            await asyncio.wait_for(entered.acquire(), 5)
        error, info = await refused(clear(channel))
        assert (error.code(), info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        release.set()
        assert len(await asyncio.gather(*waiting)) == 3


async def test_a_call_without_a_deadline_gets_the_default_one() -> None:
    seen: list[float] = []

    async def note(_request: Any, call: Call) -> Message:
        seen.append(call.remaining())
        return shop.ClearCartResponse()

    async with serving(note) as channel:
        await clear(channel)
        await clear(channel, timeout=60)
    assert 4 < seen[0] <= 5 < 59 < seen[1] < 61


async def test_a_request_over_the_limit_and_metadata_over_the_limit_are_refused() -> None:
    async with serving() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as large:
            await clear(channel, shop.ClearCartRequest(user_id="u" * 300_000))
        assert large.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        with pytest.raises(grpc.aio.AioRpcError) as header:
            await clear(channel, metadata=(("x-large", "x" * 20_000),))
        assert header.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


@settings(max_examples=40, deadline=None)
@given(
    user=st.text(max_size=300),
    item=st.sampled_from(["", "i", "i" * 201]),
    quantity=st.sampled_from([-(2**63), -1, 0, 1, 1_000_000, 1_000_001]),
    units=st.sampled_from([-(2**63), -1, 0, 10**15, 10**15 + 1]),
    currency=st.sampled_from(["", "EUR", "eur", "EURO"]),
)
def test_a_bad_request_reaches_no_handler(user: str, item: str, quantity: int, units: int, currency: str) -> None:
    request = shop.AddItemToCartRequest(
        user_id=user, item_id=item, quantity=quantity, price={"minor_units": units, "currency_code": currency}
    )
    faults = {
        "user_id": not 0 < len(user) <= 200 or "\0" in user,
        "item_id": not 0 < len(item) <= 200,
        "quantity": not 1 <= quantity <= 1_000_000,
        "price.minor_units": not 0 <= units <= 10**15,
        "price.currency_code": currency != "EUR",
    }
    assert asyncio.run(_faults_of(request)) == [field for field, wrong in faults.items() if wrong]


async def _faults_of(request: Message) -> list[str]:
    """The fields that BadRequest names; nothing when the handler was reached."""
    reached: list[Message] = []

    async def note(asked: Any, _call: Call) -> Message:
        reached.append(asked)
        return shop.AddItemToCartResponse()

    async with (
        serve("127.0.0.1:0", [(CARTS, {"AddItemToCart": note})], LIMITS) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        rpc = channel.unary_unary(
            "/cqrs.shop.v1.CartCommandService/AddItemToCart",
            request_serializer=shop.AddItemToCartRequest.SerializeToString,
            response_deserializer=shop.AddItemToCartResponse.FromString,
        )
        try:
            await rpc(request)
        except grpc.aio.AioRpcError as error:
            bad = BadRequest()
            trailing = dict(error.trailing_metadata() or ())
            assert not reached
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT  # noqa: PT017  # both outcomes are right here
            assert Status.FromString(bytes(trailing["grpc-status-details-bin"])).details[1].Unpack(bad)
            return [violation.field for violation in bad.field_violations]
        assert reached == [request]
        return []


# promise 002-24
async def test_health_is_told_for_each_service_and_for_the_whole() -> None:
    async with serving() as channel:
        health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        for name in ("", CARTS.full_name, LOG.full_name):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


# promise card-4
@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_the_services_under_both_of_its_names(version: str) -> None:
    async with serving() as channel:
        rpc = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        call = rpc()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        answer = await call.read()
        call.cancel()
        names = {service.name for service in answer.list_services_response.service}
        assert {CARTS.full_name, LOG.full_name, "grpc.health.v1.Health"} <= names


async def test_a_drain_lets_calls_finish_and_ends_endless_streams() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(_request: Any, _call: Call) -> Message:
        entered.set()
        await release.wait()
        return shop.ClearCartResponse()

    services = [(CARTS, {"ClearCart": slow}), (LOG, {"ReadLog": endless})]
    server = serve("127.0.0.1:0", services, LIMITS)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{await server.__aenter__()}") as channel:
        stream = channel.unary_stream(
            "/cqrs.log.v1.LogService/ReadLog",
            request_serializer=log_messages.ReadLogRequest.SerializeToString,
            response_deserializer=log_messages.ReadLogResponse.FromString,
        )(log_messages.ReadLogRequest())
        assert (await stream.read()).position == 1
        call = asyncio.ensure_future(_result(clear(channel, timeout=10)))
        await entered.wait()
        asyncio.get_running_loop().call_later(0.2, release.set)
        await server.__aexit__(None, None, None)
        assert await call == shop.ClearCartResponse()
        error, info = await refused(_result(stream.read()))
        assert (error.code(), info.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")


async def _result(call: Awaitable[Any]) -> Any:
    return await call
