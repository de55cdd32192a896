"""Demo, step 0: which file of invoices is replayed, and against which system."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.demo.generate import SEED, generate
from ops.health import is_serving
from ops.output import Output, Trouble
from ops.run_state import RunState
from ops.settings import Settings
from ops.supervisor import ROOT, System

REAL = ROOT.parent / "shared" / "data" / "shop" / "online_retail_5000.csv.gz"
"""Where the real invoices lie beside a checkout; they are no part of the repository."""

Addresses = tuple[str, str]
"""Of the command server and of the query server, host:port."""


@dataclass(frozen=True)
class Found:
    """A system that runs."""

    addresses: Addresses
    data: Path
    """Its folder; of a system elsewhere the one that the settings name, where nothing of it may be."""


@contextmanager
def invoice_file(named: Path | None, folder: Path, output: Output) -> Iterator[Path]:
    """The file that was named, else the real one, else one that is generated into `folder`, and says which."""
    if named is not None:
        if not named.is_file():
            raise Trouble(f"{named} is no file: name a CSV file of invoices with DATA=path, or none")
        yield named
    elif REAL.is_file():
        yield REAL
    else:
        made = folder / "invoices.csv"
        generate(made)
        output.line(f"No data beside this checkout: invoices generated from seed {SEED}; DATA=path names a real file")
        yield made


@contextmanager
def system(settings: Settings, output: Output) -> Iterator[Addresses]:
    """The addresses of the running system, which stays; else of one of its own, which is stopped at the end."""
    with found(settings, output) as running:
        yield running.addresses


@contextmanager
def found(settings: Settings, output: Output, environ: Mapping[str, str] | None = None) -> Iterator[Found]:
    """The running system; else one of its own in a temporary folder, with `environ` added to its environment."""
    addresses = _running(settings)
    serving = [is_serving(address) for address in addresses]
    if all(serving):
        output.line(f"Using the running system: commands at {addresses[0]}, queries at {addresses[1]}")
        yield Found(addresses, Path(settings.data).absolute())
    elif any(serving):
        raise Trouble(
            f"Of {addresses[0]} (commands) and {addresses[1]} (queries) only one answers: see `obverse status`"
        )
    else:
        with tempfile.TemporaryDirectory(prefix="obverse-demo-") as folder:
            output.line("Nothing runs: starting a system of the demo's own")
            with System(Path(folder), environ=environ, report=output.line) as own:
                yield Found((own.command_address, own.query_address), own.data)


def _running(settings: Settings) -> Addresses:
    state = RunState.read(Path(settings.data).absolute())
    if state and state.runs:
        return state.command_address, state.query_address
    return settings.command_address, settings.query_address
