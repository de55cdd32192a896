"""The supervisor starts in order, keeps alive, drains in the reverse order, and cleans up after one that was killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ops.embedded import AlreadyRunning, PortTaken, StartFailed
from ops.run_state import RunState
from ops.service import Service
from ops.supervisor import ROOT, System

SMALL = str(Path(__file__).with_name("small_service.py"))


def small(name: str, *more: str) -> Service:
    return Service(name, (sys.executable, SMALL, name, *more), ())


SERVICES = (small("first"), small("second"))
PARTS = ("postgres", "nats", "valkey", "mail", "first", "second")


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def news() -> list[str]:
    return []


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, news: list[str]) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("system")
    environ = {"SMALL_JOURNAL": str(folder / "journal")}
    with System(folder / "data", environ=environ, services=SERVICES, report=news.append) as running:
        yield running


def test_everything_is_healthy_once_it_is_started(system: System) -> None:
    assert all(system.pid(name) for name in PARTS)
    assert system.status("first") == {"service": "first", "state": "RUNNING"}


@pytest.mark.parametrize("name", ["first", "nats", "valkey", "mail", "postgres"])
def test_what_dies_is_started_again_and_it_is_said(system: System, news: list[str], name: str) -> None:
    before, address = system.pid(name), system.nats.address
    os.kill(before, signal.SIGKILL)
    until(lambda: system.pid(name) not in {0, before})
    until(lambda: any("was started again" in line for line in news))
    assert any("starting it again in 0.5 s" in line for line in news)
    assert system.nats.address == address


def test_a_killed_part_comes_back_unless_it_is_to_stay_down(system: System) -> None:
    before = system.pid("second")
    system.kill("second")
    until(lambda: system.pid("second") not in {0, before})
    system.kill("second", stay_down=True)
    assert system.pid("second") == 0
    assert system.status("second") is None
    system.start_one("second")
    system.wait_healthy("second")


def test_a_second_supervisor_on_the_same_data_is_refused(system: System) -> None:
    with pytest.raises(AlreadyRunning, match="obverse down"):
        System(system.data, services=SERVICES).start()
    assert system.pid("first")


def test_what_runs_is_written_down_for_others(system: System) -> None:
    def listed() -> dict[str, int]:
        state = RunState.read(system.data)
        return {running.name: running.process.pid for running in state.processes} if state else {}

    until(lambda: listed() == {name: system.pid(name) for name in PARTS})


def test_a_stop_drains_in_the_reverse_order_and_leaves_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    system = System(tmp_path / "data", environ={"SMALL_JOURNAL": str(journal)}, services=SERVICES).start()
    pids = [system.pid(name) for name in PARTS]
    system.stop()
    assert journal.read_text().split() == ["second", "first"]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert RunState.read(tmp_path / "data") is None


def test_a_taken_port_is_one_line_that_names_the_variable(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTaken) as refused:
            System(tmp_path, query_port=other.getsockname()[1], services=SERVICES).start()
    assert "OBVERSE_QUERY_ADDRESS" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_service_that_ends_at_once_ends_the_start_and_says_why(tmp_path: Path) -> None:
    environ = {"SMALL_JOURNAL": str(tmp_path / "journal"), "SMALL_FAILS": str(tmp_path / "fails")}
    (tmp_path / "fails").write_text("second")
    system = System(tmp_path / "data", environ=environ, services=SERVICES)
    with pytest.raises(StartFailed, match="told to fail"):
        system.start()
    assert not any(system.pid(name) for name in PARTS)


def test_what_keeps_dying_is_started_with_a_growing_delay(tmp_path: Path) -> None:
    news: list[str] = []
    environ = {"SMALL_JOURNAL": str(tmp_path / "journal"), "SMALL_FAILS": str(tmp_path / "fails")}
    with System(tmp_path / "data", environ=environ, services=SERVICES, report=news.append) as system:
        (tmp_path / "fails").write_text("first")
        system.kill("first")
        until(lambda: any("again in 2 s" in line for line in news))
    assert [line for line in news if "again in" in line][:3] == [
        f"first has ended; starting it again in {delay} s" for delay in ("0.5", "1", "2")
    ]


def test_after_a_kill_of_everything_the_next_start_just_works(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; import signal\n"
        "from ops.supervisor import System; from ops.service import Service\n"
        f"service = Service('first', {(sys.executable, SMALL, 'first', '300')!r}, ())\n"
        f"System(Path({str(tmp_path)!r}), services=[service]).start(); print('up', flush=True); signal.pause()"
    )
    environ = {**os.environ, "SMALL_JOURNAL": str(tmp_path / "journal"), "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT, env=environ)
    assert owner.stdout
    with owner.stdout:
        assert owner.stdout.readline() == b"up\n"
    state = RunState.read(tmp_path)
    assert state
    sleeper = psutil.Process(state.processes[-1].process.pid).children()[0]
    for pid in (owner.pid, *(running.process.pid for running in state.processes)):
        os.kill(pid, signal.SIGKILL)
    owner.wait()
    with System(tmp_path, environ={"SMALL_JOURNAL": str(tmp_path / "journal")}, services=SERVICES) as system:
        assert system.pid("first")
        assert not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE


def test_two_systems_run_side_by_side(system: System, tmp_path: Path) -> None:
    environ = {"SMALL_JOURNAL": str(tmp_path / "journal")}
    with System(tmp_path / "data", environ=environ, services=SERVICES) as other:
        assert {other.command_address, other.query_address}.isdisjoint({system.command_address, system.query_address})
    assert system.pid("postgres")
