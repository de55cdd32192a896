"""PostgreSQL runs for an ordinary user and for root, also below folders that are closed to everybody else."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from ops.child import User, spawn
from ops.embedded import EmbeddedPostgres
from ops.supervisor import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's case is every other test then")


def test_root_runs_postgres_as_another_user_below_a_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "data") as server:
        assert psutil.Process(server.pid).uids().real != 0
    assert closed.stat().st_mode & 0o777 == 0o700


def test_an_ordinary_user_runs_postgres_as_himself(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    os.chown(own, 65534, 65534)
    program = (
        "from pathlib import Path; import psutil; from ops.embedded import EmbeddedPostgres\n"
        f"with EmbeddedPostgres(Path({str(own / 'data')!r})) as server:\n"
        "    print('runs as', psutil.Process(server.pid).uids().real, flush=True)"
    )
    log = tmp_path / "log"
    # Without the right to pass closed folders he would not get as far as this Python.
    user = User(65534, 65534, reach=True)
    done = spawn([sys.executable, "-c", program], log, env={"PYTHONPATH": str(ROOT)}, cwd=ROOT, user=user).wait(60)
    assert (done, log.read_text()) == (0, "runs as 65534\n")
