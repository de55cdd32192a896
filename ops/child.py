"""Starts child processes that do not outlive their parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
# Linux sends the parent-death signal when the *thread* that started the child ends: one that never ends must do it.
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="spawner")


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
