"""Finds a recorded process again, and ends processes with what they have started."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Identity:
    """A process that can be told from a later one with the same pid.

    `created` is its start in seconds since 1970, `mark` a text that its command line contains.
    """

    pid: int
    created: float
    mark: str

    @classmethod
    def of(cls, pid: int, mark: str) -> "Identity":
        """The identity of a running process; psutil.NoSuchProcess when there is none."""
        return cls(pid, psutil.Process(pid).create_time(), mark)

    def find(self) -> psutil.Process | None:
        """The process, or None when it has ended or the pid belongs to another one by now."""
        try:
            process = psutil.Process(self.pid)
            # Two seconds: the kernel's boot time, which psutil adds, moves when the clock is set.
            same = abs(process.create_time() - self.created) < 2 and self.mark in "\0".join(process.cmdline())
            return process if same and _runs(process) else None
        except psutil.NoSuchProcess:
            return None


def programs_in(folder: Path, name: str) -> list[psutil.Process]:
    """The processes of the program `name` whose working folder is `folder`."""
    running = psutil.process_iter(["name", "cwd"])
    return [process for process in running if process.info["name"] == name and process.info["cwd"] == str(folder)]


def end(process: psutil.Process, number: signal.Signals, patience_seconds: float) -> None:
    """Signals the process and waits; what is left of it and its children after the patience is killed.

    SIGKILL goes to the children too, at once.
    """
    tree = _tree(process)
    for member in tree if number == signal.SIGKILL else tree[:1]:
        _signal(member, number)
    alive = _wait(tree, patience_seconds)
    for survivor in alive:
        _signal(survivor, signal.SIGKILL)
    _wait(alive, patience_seconds)


def end_session(leader: Identity, number: signal.Signals, patience_seconds: float) -> None:
    """Ends a spawned process as `end` does, and kills what it has left behind, also when it died long ago itself."""
    if process := leader.find():
        end(process, number, patience_seconds)
    elif psutil.pid_exists(leader.pid) and _runs(psutil.Process(leader.pid)):
        return  # the pid is another program's by now, so nobody is left of that session
    left = [process for process in psutil.process_iter() if _session(process.pid) == leader.pid]
    for process in left:
        _signal(process, signal.SIGKILL)
    _wait(left, patience_seconds)


def _wait(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    # Not psutil.wait_procs: it waits for a zombie too, which lasts as long as a parent that does not care.
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
