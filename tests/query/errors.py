"""Reads the details of a refused call."""

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status


def _detail(error: grpc.aio.AioRpcError, kind: type) -> object:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads three methods that both kinds of call have
    assert status is not None
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            detail = kind()
            packed.Unpack(detail)
            return detail
    return None


def reason(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    """(reason, domain) of its ErrorInfo."""
    info = _detail(error, ErrorInfo)
    assert isinstance(info, ErrorInfo)
    return info.reason, info.domain


def violations(error: grpc.aio.AioRpcError) -> list[tuple[str, str]]:
    """(field, text) of its BadRequest."""
    bad = _detail(error, BadRequest)
    assert isinstance(bad, BadRequest)
    return [(violation.field, violation.description) for violation in bad.field_violations]


def retry_seconds(error: grpc.aio.AioRpcError) -> float | None:
    """What its RetryInfo says; None without one."""
    retry = _detail(error, RetryInfo)
    return retry.retry_delay.ToNanoseconds() / 1e9 if isinstance(retry, RetryInfo) else None
