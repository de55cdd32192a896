"""`obverse demo`: replay a shop's invoices through the servers, read everything back, compare."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.demo.carry_out import carry_out
from ops.demo.run import Outcome, run
from ops.demo.source import invoice_file, system
from ops.explained import explained
from ops.output import Output
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
    ):
        return carry_out(run(file, commands, queries, output))
