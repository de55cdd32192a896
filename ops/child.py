"""Starts child processes that do not outlive their parent, and finds a recorded process again."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_LAUNCH = Path(__file__).with_name("launch.py")
# Linux sends the parent-death signal when the *thread* that started the child ends: one that never ends must do it.
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="spawner")


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
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True)
class User:
    """Whom a child runs as: numeric ids, and whether it may pass folders that are closed to that user (`reach`)."""

    uid: int
    gid: int
    reach: bool = False


def spawn(
    program: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: User | None = None,
    on_orphaned: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Starts `program` in a session of its own, its output appended to `log`.

    It gets the signal `on_orphaned` when this process dies, however that happens (Linux). `env` is the whole
    environment of the child, this process's own by default. Raises OSError when `log` cannot be written.
    """
    options = ["--parent", str(os.getpid()), "--signal", str(int(on_orphaned))]
    if user:
        options += ["--user", f"{user.uid}:{user.gid}", *(["--reach"] if user.reach else [])]
    command = [sys.executable, "-I", "-S", str(_LAUNCH), *options, "--", *program]
    with log.open("ab") as output:

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )

        return _SPAWNER.submit(start).result()


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
    _, alive = psutil.wait_procs(tree, timeout=patience_seconds)
    for survivor in alive:
        _signal(survivor, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=patience_seconds)


def end_session(leader: Identity, number: signal.Signals, patience_seconds: float) -> None:
    """Ends a spawned process as `end` does, and kills what it has left behind, also when it died long ago itself."""
    if process := leader.find():
        end(process, number, patience_seconds)
    elif psutil.pid_exists(leader.pid) and psutil.Process(leader.pid).status() != psutil.STATUS_ZOMBIE:
        return  # the pid is another program's by now, so nobody is left of that session
    left = [process for process in psutil.process_iter() if _session(process.pid) == leader.pid]
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=patience_seconds)


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
