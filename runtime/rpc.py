"""Step 1, enters: every RPC's way in and out, built from the service descriptors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
from cqrs.common.v1 import errors_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from runtime.call import CALLS, SECONDS, UNDER_WAY, Call, end, refuse
from runtime.refusals import Refused
from runtime.rich_status import MESSAGE_ID
from runtime.validation import validate

Unary = Callable[[Any, Call], Awaitable[Message]]
Streaming = Callable[[Any, Call], AsyncIterator[Message]]


class Entrance:
    """Admits calls, at most `most_under_way` at a time, and answers every one: with a message, or with one status."""

    def __init__(self, most_under_way: int, default_seconds: float) -> None:
        """`default_seconds` is the deadline of a call that has none."""
        self.under_way = 0
        self.draining = False
        self._came = 0.0
        self._answers_may_leave = asyncio.Event()
        self._streams: set[asyncio.Task[Any]] = set()
        self._most = most_under_way
        self._default_seconds = default_seconds

    def service(
        self, descriptor: ServiceDescriptor, handlers: Mapping[str, Unary | Streaming]
    ) -> grpc.GenericRpcHandler:
        """The handlers of a service; an RPC that has none answers UNIMPLEMENTED, naming it."""
        table = {
            method.name: self._handler(method, handlers.get(method.name) or _missing(method))
            for method in descriptor.methods
        }
        return grpc.method_handlers_generic_handler(descriptor.full_name, table)

    def drain(self) -> None:
        """End every stream with UNAVAILABLE, and hold answers back until `release`: callers wait, so no call comes."""
        self.draining = True
        self._came = time.monotonic()
        for task in self._streams:
            task.cancel()

    def silent_for(self) -> float:
        """Seconds since `drain`, or since the last unary call came after it."""
        return time.monotonic() - self._came

    def release(self) -> None:
        """Let the answers leave that `drain` has held back."""
        self._answers_may_leave.set()

    def _handler(self, method: MethodDescriptor, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(method.full_name, handler), request.FromString, response.SerializeToString
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(method.full_name, handler), request.FromString, response.SerializeToString
        )

    def _unary(self, rpc: str, handler: Unary) -> Any:
        seconds, answered = SECONDS.labels(rpc), CALLS.labels(rpc, "OK")

        async def answer(request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
            began = time.perf_counter()
            call = Call.begin(rpc, context, self._default_seconds)
            self.under_way += 1
            UNDER_WAY.inc()
            if self.draining:
                self._came = time.monotonic()
            try:
                self._admit()
                validate(request)
                response = await handler(request, call)
                await self._until_released()
            except BaseException as error:
                await self._until_released()
                await end(error, call, context, self.draining)
                raise
            finally:
                self.under_way -= 1
                UNDER_WAY.dec()
            context.set_trailing_metadata(((MESSAGE_ID, call.message_id),))
            answered.inc()
            seconds.observe(time.perf_counter() - began)
            return response

        return answer

    def _streaming(self, rpc: str, handler: Streaming) -> Any:
        answered = CALLS.labels(rpc, "OK")

        async def answer(request: Message, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Message]:
            call = Call.begin(rpc, context, self._default_seconds)
            task = asyncio.current_task()
            assert task is not None
            self._streams.add(task)
            try:
                validate(request)
                async for response in handler(request, call):
                    yield response
            except BaseException as error:
                await end(error, call, context, self.draining)
                raise
            finally:
                self._streams.discard(task)
            context.set_trailing_metadata(((MESSAGE_ID, call.message_id),))
            answered.inc()

        return answer

    async def _until_released(self) -> None:
        if self.draining:
            await self._answers_may_leave.wait()

    def _admit(self) -> None:
        if self.under_way > self._most:
            raise refuse(
                errors_pb2.PLATFORM_ERROR_OVERLOADED,
                f"More than {self._most} calls are under way: wait and call again",
                retry_seconds=0.25,
            )


def _missing(method: MethodDescriptor) -> Any:
    """The handler of an RPC that this server does not carry out."""

    def refusal() -> Refused:
        return refuse(errors_pb2.PLATFORM_ERROR_NO_HANDLER, f"No handler for {method.full_name}", rpc=method.full_name)

    async def unary(_request: Message, _call: Call) -> Message:
        raise refusal()

    async def streaming(_request: Message, _call: Call) -> AsyncIterator[Message]:
        raise refusal()
        yield  # an async generator, as the table of handlers needs

    return streaming if method.server_streaming else unary
