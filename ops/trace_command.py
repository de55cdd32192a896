"""`obverse trace`: everything that one correlation id led to, as a tree."""

import asyncio
from typing import Annotated, Any

import grpc
import typer
from cqrs.log.v1.log_service_pb2 import GetHeadRequest, ReadLogRequest
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub
from rich.console import Console
from rich.progress import Progress, TaskID

from ops.explained import explained
from ops.output import Output, Trouble
from ops.reach import command_address, log_records
from ops.trace import Node, Trace
from ops.trace_shown import lines, values

_STEP = 1_000
"""After so many records the progress is shown anew."""


def trace(
    correlation_id: Annotated[str, typer.Argument(help="As the receipt has it; by default the first command's id.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")] = False,
) -> None:
    """Show the tree of command → events → commands that a correlation id led to; reads the whole log."""
    with explained() as settings:
        output = Output(json)
        try:
            with Progress(transient=True, disable=json, console=Console(stderr=True)) as bar:
                task = bar.add_task("Reading the log", total=None)
                roots = asyncio.run(_read(command_address(settings), correlation_id, bar, task))
        except KeyboardInterrupt:
            return
        if not roots:
            raise Trouble(
                f"No record of the log has the correlation id {correlation_id!r}: take it from the command's receipt, "
                "or from `obverse log read --json`; a command that was sent without one has its own id"
            )
        if json:
            for value in values(roots):
                output.value(value)
        else:
            for line in lines(roots):
                output.line(line)


async def _read(address: str, correlation_id: str, bar: Progress, task: TaskID) -> list[Node]:
    bar.update(task, total=await _head(address))
    found = Trace(correlation_id)
    async for logged in log_records(address, ReadLogRequest(stop_at_head=True)):
        found.take(logged.position, logged.record)
        if logged.position % _STEP == 0:
            bar.update(task, completed=logged.position)
    return found.roots()


async def _head(address: str) -> int:
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            service: Any = LogServiceStub(channel)
            head = await service.GetHead(GetHeadRequest(), timeout=10)
            return int(head.token.position)
    except grpc.aio.AioRpcError as error:
        raise Trouble(f"The log cannot be read at {address}: {error.details()}; is `obverse up` running?") from error
