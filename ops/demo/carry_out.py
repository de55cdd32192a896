"""Demo, around all steps: its work on a loop of its own; a server that stays away ends it with one message."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import grpc
import uvloop

from ops.demo.client import CallRefused
from ops.output import Trouble

T = TypeVar("T")


def carry_out(work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to; raises Trouble for the first error of a server that gave no answer, or refused."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(work)
        except (grpc.aio.AioRpcError, CallRefused) as error:
            raise _explained(error) from error
        except BaseExceptionGroup as errors:
            known, others = errors.split((grpc.aio.AioRpcError, CallRefused, Trouble))
            if others is not None or known is None:
                raise
            raise _explained(_first(known)) from errors


def _explained(error: BaseException) -> Trouble:
    match error:
        case Trouble():
            return error
        case grpc.aio.AioRpcError():
            return Trouble(f"A server gave no answer, so the demo ended: {error.code().name}, {error.details()}")
        case _:
            return Trouble(f"A server refused what it must not refuse, so the demo ended: {error}")


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
