"""`obverse status` shows what the worker says of its process managers."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.output import Output
from ops.process import Identity
from ops.report import gather, show
from ops.run_state import Running, RunState
from runtime.status import Status, serve_status

SAID: dict[str, Any] = {
    "channels": [{"name": "orders", "in_flight": 2, "paused": False}],
    "processes": [
        {"name": "shop.fulfilment", "state": "RUNNING", "position": 41, "error": ""},
        {"name": "bank.aftercare", "state": "STOPPED", "position": 7, "error": "record 8: [KeyError] 'payee'"},
    ],
}


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A folder whose run state names a worker that answers."""
    status = Status("worker", "RUNNING", healthy=True)
    status.details = lambda: SAID
    own = Identity.of(os.getpid(), "")
    with serve_status(status, "127.0.0.1:0") as address:
        RunState(own, "commands", "queries", [Running("worker", own, address, "worker.log")]).write(tmp_path)
        yield tmp_path


def test_each_process_manager_is_a_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = gather(data)
    assert found["process_managers"] == SAID["processes"]
    show(found, Output(as_json=False))
    lines = [line.rstrip().split(maxsplit=3) for line in capsys.readouterr().out.splitlines()]
    at = lines.index(["PROCESS", "MANAGER", "STATE", "POSITION"])
    assert lines[at + 1 :] == [
        ["shop.fulfilment", "RUNNING", "41"],
        ["bank.aftercare", "STOPPED", "7", "record 8: [KeyError] 'payee'"],
    ]


def test_without_a_worker_nothing_is_said_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = gather(tmp_path)
    assert found["process_managers"] == []
    show(found, Output(as_json=False))
    assert "PROCESS MANAGER" not in capsys.readouterr().out
