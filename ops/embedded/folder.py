"""The folder of one embedded server: who holds it, which process was last started on it, its passwords."""

import fcntl
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ops.process import Identity


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def passwords(path: Path, users: Sequence[str]) -> dict[str, str]:
    """The password of each user, from the file at `path`; users that it lacks get one generated and kept there."""
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    complete = {user: known.get(user) or _generated() for user in users}
    if complete != known:
        write_private(path, json.dumps(complete, indent=2) + "\n")
    return complete


def _generated() -> str:
    # A letter first: NATS reads a variable that begins with a digit as a number. No sign that a URL would need escaped.
    return "p" + secrets.token_hex(24)


@dataclass(frozen=True)
class Started:
    """The process last started on the folder, and its port."""

    process: Identity
    port: int


class Hold:
    """The right to run a server on a folder: one living process has it, and loses it by dying."""

    def __init__(self, folder: Path) -> None:
        """Takes a folder that exists; holds nothing before `acquire`."""
        self._lock = folder / "lock"
        self._started = folder / "server.json"
        self._file: IO[str] | None = None

    def acquire(self) -> int | None:
        """None when the folder is held now, else the pid of the process that holds it (0 when it does not say)."""
        file = self._lock.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                file.seek(0)
                return int(file.read().strip() or 0)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return None

    def release(self) -> None:
        """Lets the folder go; harmless when it is not held."""
        if self._file:
            self._file.close()
            self._file = None

    def note(self, started: Started) -> None:
        """Records the process that was started, for whoever holds the folder next."""
        write_private(self._started, json.dumps({"process": asdict(started.process), "port": started.port}) + "\n")

    def last(self) -> Started | None:
        """The process recorded last, which may be long gone; None when there is none."""
        if not self._started.exists():
            return None
        record = json.loads(self._started.read_text())
        return Started(Identity(**record["process"]), record["port"])
