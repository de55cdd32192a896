"""Asks a process how it is: /healthz and /status over HTTP, and gRPC's own health service."""

import http.client
import json
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_SECONDS = 2.0


def _get(address: str, path: str) -> tuple[int, bytes]:
    # http.client and not urllib, which would send loopback requests through a proxy where the environment names one.
    connection = http.client.HTTPConnection(address, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def is_healthy(address: str) -> bool:
    """Whether the process whose status address this is answers /healthz with 200, within 2 s."""
    try:
        return _get(address, "/healthz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def status(address: str) -> dict[str, Any] | None:
    """What the process says of itself on /status; None when it does not answer within 2 s."""
    try:
        code, body = _get(address, "/status")
        return dict(json.loads(body)) if code == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None


def is_serving(address: str) -> bool:
    """Whether gRPC's health service on the address says SERVING for the server as a whole, within 2 s."""
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]  # generated without types
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=_SECONDS)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
