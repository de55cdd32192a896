"""`obverse demo`: replay a shop's invoices through the servers, read everything back, compare."""

import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import grpc
import typer
import uvloop

from ops.demo.run import Outcome, run
from ops.demo.source import invoice_file, system
from ops.explained import explained
from ops.output import Output, Trouble
from ops.settings import Settings


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", envvar="DATA", help="A CSV file of invoices, gzipped or not.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")] = False,
) -> None:
    """Replay a shop's invoices as its clients would, then compare; exit status 1 unless all is equal."""
    with explained() as settings:
        output = Output(json)
        outcome = _replay(data, settings, output)
        if json:
            output.value({**asdict(outcome), "revenue": f"{outcome.revenue:.2f}"})
        else:
            output.line(str(outcome))
        if not outcome.equal:
            raise typer.Exit(1)


def _replay(data: Path | None, settings: Settings, output: Output) -> Outcome:
    with (
        tempfile.TemporaryDirectory(prefix="obverse-demo-") as folder,
        invoice_file(data, Path(folder), output) as file,
        system(settings, output) as (commands, queries),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        try:
            return runner.run(run(file, commands, queries, output))
        except BaseExceptionGroup as errors:
            away, others = errors.split(grpc.aio.AioRpcError)
            if others is not None or away is None:
                raise
            raise Trouble(f"A server gave no answer, so the demo ended: {_first(away)}") from errors


def _first(errors: BaseExceptionGroup[grpc.aio.AioRpcError]) -> str:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else f"{error.code().name}, {error.details()}"
