"""A gRPC server's life: services, health and reflection, and a drain that breaks no call."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from runtime.rpc import Entrance, Streaming, Unary

log = structlog.get_logger()

REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING

IDLE_LULL_SECONDS = 0.02
LULL_SECONDS = 0.1
"""A draining server to which no call came for so long has taken in all that had arrived."""
LONGEST_LULL_SECONDS = 0.5
"""How long a draining server waits for that, where calls do not stop coming."""
LAST_ANSWERS_SECONDS = 0.5
"""How long the last answers may take to leave, and who watches the health may stay."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What a server takes and how it ends."""

    request_bytes: int
    """The largest request."""
    most_under_way: int
    """Calls at a time before RESOURCE_EXHAUSTED."""
    default_seconds: float
    """The deadline of a call that has none."""
    drain_seconds: float
    """How long calls under way may take after SIGTERM."""
    share_port: bool = False
    """Several processes listen on the same port."""


Services = Sequence[tuple[ServiceDescriptor, Mapping[str, Unary | Streaming]]]


@asynccontextmanager
async def serve(address: str, services: Services, limits: ServerLimits) -> AsyncIterator[int]:
    """Serve while the block runs, then drain; gives the port. OSError when the address cannot be listened on."""
    entrance = Entrance(limits.most_under_way, limits.default_seconds)
    server = grpc.aio.server(options=_options(limits), maximum_concurrent_rpcs=4 * limits.most_under_way)
    server.add_generic_rpc_handlers([entrance.service(descriptor, handlers) for descriptor, handlers in services])
    names = [descriptor.full_name for descriptor, _ in services]
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)  # type: ignore[no-untyped-call]
    _reflect(server, [*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name])
    port = _listen(server, address)
    await server.start()
    for name in ("", *names):
        await health.set(name, SERVING)
    try:
        yield port
    finally:
        await _drain(server, health, names, entrance, limits.drain_seconds)


def _options(limits: ServerLimits) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.request_bytes),
        ("grpc.max_metadata_size", 8 * 1024),
        ("grpc.absolute_max_metadata_size", 16 * 1024),
        ("grpc.max_concurrent_streams", 1000),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ("grpc.so_reuseport", int(limits.share_port)),
    ]


def _listen(server: grpc.aio.Server, address: str) -> int:
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"Cannot listen on {address}: {error}") from error
    if port == 0:
        raise OSError(f"Cannot listen on {address}: another process has the port")
    return port


def _reflect(server: grpc.aio.Server, names: Sequence[str]) -> None:
    """Reflection under both of its names: the messages of v1 and v1alpha are the same on the wire."""
    known = [*names, reflection.SERVICE_NAME, REFLECTION_V1]
    reflection.enable_server_reflection(known, server)  # type: ignore[no-untyped-call]
    servicer = ReflectionServicer(service_names=known)  # type: ignore[no-untyped-call]
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(REFLECTION_V1, {"ServerReflectionInfo": handler}),)
    )


async def _drain(
    server: grpc.aio.Server, health: HealthServicer, names: Sequence[str], entrance: Entrance, seconds: float
) -> None:
    """NOT_SERVING; no new calls; then wait for our own count: stop() does not wait for every handler.

    stop() cancels calls that have arrived and were not handed to us yet (grpc/grpc#41785), and no client takes that for
    a reason to call again. So answers are held back for the moment in which what has arrived is taken in; they leave
    behind the GOAWAY, and their callers' next calls go elsewhere.
    """
    for name in ("", *names):
        await health.set(name, NOT_SERVING)
    began = time.monotonic()
    log.info("draining", under_way=entrance.under_way)
    entrance.drain()
    await _lull(entrance)
    stopping = asyncio.create_task(server.stop(seconds))
    await asyncio.sleep(IDLE_LULL_SECONDS)
    entrance.release()
    while entrance.under_way and time.monotonic() - began < seconds:  # noqa: ASYNC110  # an event would cost every call
        await asyncio.sleep(0.01)
    await server.stop(min(seconds, LAST_ANSWERS_SECONDS))
    await stopping
    log.info("drained", under_way=entrance.under_way, seconds=round(time.monotonic() - began, 3))


async def _lull(entrance: Entrance) -> None:
    """Return when no call has come for a while; a short one where nothing is under way."""
    longest = time.monotonic() + LONGEST_LULL_SECONDS
    while time.monotonic() < longest:
        if entrance.silent_for() >= (LULL_SECONDS if entrance.under_way else IDLE_LULL_SECONDS):
            return
        await asyncio.sleep(IDLE_LULL_SECONDS / 4)
