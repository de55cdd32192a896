"""How the command line calls CommandAdminService: where it is, and what its errors say."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import grpc
from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceStub

from ops.output import Trouble
from ops.reach import command_address
from ops.settings import Settings

if TYPE_CHECKING:  # the generated module has this name for the type checker only
    from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceAsyncStub

T = TypeVar("T")


def administered(settings: Settings, ask: "Callable[[CommandAdminServiceAsyncStub], Awaitable[T]]") -> T:
    """What one or more calls answer; Trouble with the server's own text for a refusal, or when nobody answers."""
    return asyncio.run(_administered(command_address(settings), ask))


async def _administered(address: str, ask: "Callable[[CommandAdminServiceAsyncStub], Awaitable[T]]") -> T:
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            return await ask(CommandAdminServiceStub(channel))
    except grpc.aio.AioRpcError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            text = f"Commands are not served at {address}: {error.details()}; is `obverse up` running?"
            raise Trouble(text) from error
        raise Trouble(str(error.details())) from error
