"""`obverse down` and `obverse reset`: ends what runs in a data folder, from another process; empties it."""

import shutil
import signal
from pathlib import Path

from ops.output import Output, Trouble
from ops.process import end
from ops.run_state import RunState
from ops.servers import NAMES

# Longer than everything that drains one after the other may take.
_PATIENCE_SECONDS = 120.0
_PAYMENTS = ("payments.sqlite", "payments.sqlite-wal", "payments.sqlite-shm", "payments.sqlite-journal")
_CONTENT = (*NAMES, *_PAYMENTS, "logs", "run.json", "lock")


def down(data: Path, output: Output) -> None:
    """Asks the supervisor to end, or ends what a killed one has left; says so when there is nothing to end."""
    state = RunState.read(data)
    if state and (supervisor := state.supervisor.find()):
        output.line(f"Stopping process {supervisor.pid} and what it started")
        end(supervisor, signal.SIGTERM, _PATIENCE_SECONDS)
        state = RunState.read(data)
    left = state.end_leftovers() if state else []
    (data / "run.json").unlink(missing_ok=True)
    if left:
        output.line(f"Ended {', '.join(left)}, which a killed run had left")
    output.line(f"Nothing runs in {data}")


def reset(data: Path, output: Output) -> None:
    """Deletes what Obverse keeps in the folder, and the folder when nothing else is in it; Trouble while it runs."""
    state = RunState.read(data)
    if state and state.runs:
        raise Trouble(f"Obverse runs in {data}: stop it first, with `obverse down`")
    if state:
        state.end_leftovers()
    for path in (data / name for name in _CONTENT):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if data.exists() and not any(data.iterdir()):
        data.rmdir()
    output.line(f"{data} is empty")
