"""How the system in a data folder is, by the processes' /status: log, stream, projections, process managers."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ops import health
from ops.output import Output
from ops.run_state import Running, RunState
from ops.servers import NAMES as SERVERS


def gather(data: Path) -> dict[str, Any]:
    """What `obverse status --json` prints: running, healthy, processes, log, stream, projections, process managers.

    A position that nobody answers for is None, and so is a lag that is not known; lags are in seconds.
    """
    state = RunState.read(data)
    listed = state.processes if state else []
    with ThreadPoolExecutor(8) as threads:
        processes = list(threads.map(_process, listed))
    said = {process["name"]: process["status"] for process in processes}
    projector, worker = said.get("projector") or {}, said.get("worker") or {}
    return {
        "running": bool(state and state.runs),
        "healthy": bool(processes) and all(process["healthy"] for process in processes),
        "command_address": state.command_address if state else None,
        "query_address": state.query_address if state else None,
        "processes": processes,
        "log": {"position": _first(said, ("command_service", "position"), ("relay", "log_position"))},
        "stream": {"position": _first(said, ("relay", "stream_position"))},
        "projections": projector.get("projections", []),
        "process_managers": worker.get("processes", []),
    }


def _first(said: Mapping[str, Any], *places: tuple[str, str]) -> int | None:
    answers = ((said.get(name) or {}).get(key) for name, key in places)
    return next((answer for answer in answers if answer is not None), None)


def _process(running: Running) -> dict[str, Any]:
    alive = running.alive
    is_server = running.name in SERVERS
    said = health.status(running.address) if alive and not is_server else None
    healthy = alive if is_server else alive and health.is_healthy(running.address)
    silent = "RUNNING" if is_server else "SILENT"
    return {
        "name": running.name,
        "pid": running.process.pid if alive else None,
        "healthy": healthy,
        "state": (said or {}).get("state", silent) if alive else "DOWN",
        "reason": (said or {}).get("reason", ""),
        "address": running.address,
        "log": running.log,
        "status": said,
    }


def show(report: Mapping[str, Any], output: Output) -> None:
    """Prints it for people."""
    columns = ("PROCESS", "STATE", "PID", "ADDRESS", "")
    keys = ("name", "state", "pid", "address", "reason")
    output.table(columns, [[process[key] for key in keys] for process in report["processes"]])
    shown = {name: report[name]["position"] for name in ("log", "stream")}
    words = [f"{name} at {'unknown' if position is None else position}" for name, position in shown.items()]
    output.line(f"\n{', '.join(words)}\n")
    rows = [
        (view["name"], view["state"], view["position"], view["head"], _lag(view["lag_seconds"]), view.get("error"))
        for view in report["projections"]
    ]
    output.table(("PROJECTION", "STATE", "POSITION", "HEAD", "LAG", ""), rows)
    if followers := report["process_managers"]:
        output.line("")
        lines = [[follower.get(key) for key in ("name", "state", "position", "error")] for follower in followers]
        output.table(("PROCESS MANAGER", "STATE", "POSITION", ""), lines)


def _lag(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:.3f} s"
