"""What is known of one call, how it is measured, and how one that raised is answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
import uuid_utils
from cqrs.common.v1 import errors_pb2
from prometheus_client import Counter, Gauge, Histogram

from runtime.refusals import Refusals, Refused
from runtime.rich_status import rich_status

refuse = Refusals(errors_pb2.PlatformError)
"""The platform's own refusals."""

log = structlog.get_logger()

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CALLS = Counter("obverse_rpc_total", "RPCs answered, by gRPC code", ["rpc", "code"])
SECONDS = Histogram("obverse_rpc_seconds", "Duration of unary RPCs", ["rpc"], buckets=BUCKETS)
UNDER_WAY = Gauge("obverse_rpc_under_way", "RPCs under way", multiprocess_mode="livesum")


@dataclass(slots=True)
class Call:
    """What a handler may know of its call besides the request."""

    rpc: str
    """Full name, e.g. "cqrs.shop.v1.OrderCommandService.CreateOrder"."""
    message_id: str
    """A new UUIDv7; every answer carries it in its trailing metadata, the log names it."""
    deadline: float
    """When the caller, or the default, gives up, by time.monotonic()."""
    traceparent: str
    """The W3C trace context of the call; empty where there is none."""
    actor: str = ""
    """The authenticated principal; nothing authenticates yet."""

    @classmethod
    def begin(cls, rpc: str, context: grpc.aio.ServicerContext[Any, Any], default_seconds: float) -> Call:
        """The call that a server context stands for; without a deadline it gets `default_seconds`."""
        remaining = context.time_remaining()
        seconds = default_seconds if remaining is None else remaining
        traceparent = ""
        for key, value in context.invocation_metadata() or ():
            if key == "traceparent":
                traceparent = str(value)[:128]
        return cls(rpc, str(uuid_utils.uuid7()), time.monotonic() + seconds, traceparent)

    def remaining(self) -> float:
        """Seconds until the deadline, raising DEADLINE_EXCEEDED when it has passed: nothing was begun."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise refuse(errors_pb2.PLATFORM_ERROR_DEADLINE_EXCEEDED, "The deadline ended before the work began")
        return left


async def end(error: BaseException, call: Call, context: grpc.aio.ServicerContext[Any, Any], draining: bool) -> None:
    """Answer a call that raised: our text and no other reaches the caller. A caller that left gets nothing."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and draining:
        error = refuse(errors_pb2.PLATFORM_ERROR_DRAINING, "The server is stopping: call again", retry_seconds=0.1)
    elif isinstance(error, GeneratorExit) or (isinstance(error, asyncio.CancelledError) and task and task.cancelling()):
        CALLS.labels(call.rpc, "CANCELLED").inc()
        return
    status = rich_status(error if isinstance(error, Refused) else _fault(error, call), call.message_id)
    CALLS.labels(call.rpc, status.code.name).inc()
    await context.abort_with_status(status)  # type: ignore[arg-type]  # grpc.Status is a marker of these three fields


def _fault(error: BaseException, call: Call) -> Refused:
    """An error of ours: the log has all of it, the caller its message id."""
    log.error("an RPC failed", rpc=call.rpc, message_id=call.message_id, exc_info=error)
    return refuse(
        errors_pb2.PLATFORM_ERROR_INTERNAL,
        f"The server failed; report it with the message id {call.message_id}",
        message_id=call.message_id,
    )
