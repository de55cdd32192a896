"""`obverse demo-fulfilment`: place a day's orders, kill the worker twice while it fulfils them, ask everything back.

A system that the demo starts itself is set so that the demo is short and its outcome certain:

- A worker that is killed leaves what it had in hand to be claimed again after its lease, 3 s
  (OBVERSE_WORKER_LEASE_SECONDS). Meanwhile the next worker is started, which takes about as long: 0.5 s or, after the
  second death, 1 s until it is, then 2 to 3 s. So two deaths in the same step cost it 8 s at most.
- A flaky card costs a step two more attempts, 0.25 s and 0.5 s apart (OBVERSE_CHANNELS).
- A step may take 30 s (OBVERSE_SHOP_STEP_SECONDS), three times all of that together, its turn in the queue included: no
  step that is ever answered runs out of time, on a machine with other work neither.
- An authorisation that is never answered is tried 14 times, each attempt 1 s and then up to 2 s of waiting, 30 to 41 s
  in all: the step's time is over first, and that cancels the order. Its payment is called off when the last attempt has
  ended, because commands on one payment never overtake each other. Two deaths cost 2 of the 14 attempts, so that no
  honest authorisation, which needs 3, is ever given up.

A system that runs already is used as it is set: with the defaults a step takes 60 s, the demo as long as that needs.
"""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.demo.carry_out import carry_out
from ops.demo.source import found, invoice_file
from ops.demo_fulfilment.run import Outcome, run
from ops.explained import explained
from ops.output import Output
from ops.settings import Settings

QUICK = {
    "OBVERSE_WORKER_LEASE_SECONDS": "3",
    "OBVERSE_SHOP_STEP_SECONDS": "30",
    "OBVERSE_CHANNELS": "payments:attempts=14,first=0.25,longest=2",
}
"""How the system that the demo starts itself is set, see above."""


def demo_fulfilment(
    data: Annotated[
        Path | None, typer.Option("--data", envvar="DATA", help="A CSV file of invoices, gzipped or not.")
    ] = None,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for the orders, at most.")] = 300.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")] = False,
) -> None:
    """Place a day's orders, kill the worker twice on the way, then compare; exit status 1 unless all is equal."""
    with explained() as settings:
        output = Output(json)
        outcome = _fulfil(data, settings, output, wait)
        if json:
            output.value(asdict(outcome))
        else:
            output.line(str(outcome))
        if not outcome.equal:
            raise typer.Exit(1)


def _fulfil(data: Path | None, settings: Settings, output: Output, wait: float) -> Outcome:
    with (
        tempfile.TemporaryDirectory(prefix="obverse-demo-") as folder,
        invoice_file(data, Path(folder), output) as file,
        found(settings, output, QUICK) as system,
    ):
        return carry_out(run(file, system, output, wait))
