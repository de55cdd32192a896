"""Where the running system is reached, and the log read from there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from cqrs.log.v1.log_service_pb2 import ReadLogRequest, ReadLogResponse
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub

from ops.output import Trouble
from ops.run_state import RunState
from ops.settings import Settings


def command_address(settings: Settings) -> str:
    """Of the running system in the data folder, else of the settings."""
    state = _running(settings)
    return state.command_address if state else settings.command_address


def query_address(settings: Settings) -> str:
    """Of the running system in the data folder, else of the settings."""
    state = _running(settings)
    return state.query_address if state else settings.query_address


async def log_records(address: str, request: ReadLogRequest) -> AsyncIterator[ReadLogResponse]:
    """What LogService answers there, record by record; Trouble when it does not."""
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            answers: Any = LogServiceStub(channel).ReadLog(request)
            async for logged in answers:
                if logged.record:
                    yield logged
    except grpc.aio.AioRpcError as error:
        raise Trouble(f"The log cannot be read at {address}: {error.details()}; is `obverse up` running?") from error


def _running(settings: Settings) -> RunState | None:
    state = RunState.read(Path(settings.data).absolute())
    return state if state and state.runs else None
