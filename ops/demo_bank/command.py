"""`obverse demo-bank`: replay a bank's transfers through the servers, ask everything back, compare."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.demo.carry_out import carry_out
from ops.demo.source import system
from ops.demo_bank.generate import SEED, generate
from ops.demo_bank.layouts import Files, find
from ops.demo_bank.run import Outcome, run
from ops.explained import explained
from ops.output import Output
from ops.settings import Settings


def demo_bank(
    data: Annotated[
        Path | None, typer.Option("--data", envvar="DATA", help="A folder of accounts and transfers; else generated.")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for what follows the transfers, at most.")
    ] = 600.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")] = False,
) -> None:
    """Replay a bank's transfers as its clients would, then compare; exit status 1 unless all is equal."""
    with explained() as settings:
        output = Output(json)
        outcome = _replay(data, settings, output, wait)
        if json:
            output.value(_plain(outcome))
        else:
            output.line(str(outcome))
        if not outcome.good:
            raise typer.Exit(1)


def _replay(data: Path | None, settings: Settings, output: Output, wait: float) -> Outcome:
    with _files(data, output) as files, system(settings, output) as (commands, queries):
        return carry_out(run(files, commands, queries, output, wait))


def _plain(outcome: Outcome) -> dict[str, object]:
    """The names of the last line, and what followed."""
    value = asdict(outcome)
    del value["cents"], value["matches"]
    return {**value, "sum": outcome.sum, "equal": outcome.matches}


@contextmanager
def _files(named: Path | None, output: Output) -> Iterator[Sequence[Files]]:
    """Those of the folder that was named, else generated ones; says which."""
    with tempfile.TemporaryDirectory(prefix="obverse-demo-") as made:
        if named is None:
            generate(Path(made))
            output.line(f"Transfers generated from seed {SEED}; DATA=folder names real ones")
        found = find(named or Path(made))
        for files in found:
            output.line(f"Replaying {files.transfers.name} over {files.accounts.name}")
        yield found
