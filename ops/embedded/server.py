"""What starting, stopping and killing an embedded server has in common."""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import psutil

from ops.child import User, spawn
from ops.embedded.errors import AlreadyRunning, PortTaken, StartFailed
from ops.embedded.folder import Hold, Started
from ops.embedded.ports import LOOPBACK, free_port, is_free
from ops.process import Identity, end

_ATTEMPTS = 5
_POLL_SECONDS = 0.02


class EmbeddedServer(ABC):
    """One server process on one folder, on loopback.

    `port` 0 means the port used last on this folder if that is free, else any free one below 32768; it stays the same
    over `stop`, `kill` and `start` of one object. All methods block; none may be called from two threads at once.
    """

    title: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    start_seconds: ClassVar[float] = 60
    stop_seconds: ClassVar[float] = 30

    def __init__(self, data: Path, port: int = 0, log: Path | None = None) -> None:
        """Takes the server's folder (made when missing), its port, and its log file (in the folder by default)."""
        self.data = data.absolute()
        self.port = port
        self.log = log or self.data / "server.log"
        self._port_is_fixed = port != 0
        self._hold = Hold(self.data)
        self._process: subprocess.Popen[bytes] | None = None
        self._user: User | None = None

    @abstractmethod
    def _prepare(self) -> None:
        """Writes data folder and settings for `self.port`."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The program and its arguments; one of them contains the path of the data folder."""

    @abstractmethod
    def _answers(self, pid: int) -> bool:
        """Whether the process `pid`, and no other, serves `self.port` now."""

    def _after_start(self) -> None:  # noqa: B027 - most servers need nothing
        """What is to be done once the server answers, each time."""

    @property
    def pid(self) -> int:
        """The pid of the server that this object started; 0 when it runs none."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    @property
    def identity(self) -> Identity | None:
        """The process started last on the folder."""
        last = self._hold.last()
        return last.process if last else None

    @property
    def address(self) -> str:
        """Where it listens, host:port."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Starts the server and returns when it answers; does nothing when it runs already."""
        if self.pid:
            return self
        self.kill()  # one that died by itself still has its folder
        self.data.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if (holder := self._hold.acquire()) is not None:
            raise AlreadyRunning(f"process {holder} runs {self.title} on {self.data} already; stop that first")
        try:
            self._end_leftover()
            self._start_on_a_port()
            self._port_is_fixed = True
            self._after_start()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """Lets the server finish what it does and end; harmless when it does not run."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """SIGKILL, as a crash would: nothing is flushed, files of the running server stay behind."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process:
            if self._process.poll() is None:
                end(psutil.Process(self._process.pid), number, self.stop_seconds)
            self._process.wait()
        self._process = None
        self._hold.release()

    def _end_leftover(self) -> None:
        last = self._hold.last()
        if last and (process := last.process.find()):
            end(process, self.stop_signal, self.stop_seconds)
        if last and not self.port and is_free(last.port):
            self.port = last.port

    def _start_on_a_port(self) -> None:
        if self._port_is_fixed and not is_free(self.port):
            raise PortTaken(f"{self.title} cannot listen on port {self.port}: it is taken; choose another port")
        for attempt in range(1, _ATTEMPTS + 1):
            self.port = self.port or free_port()
            self._prepare()
            if self._run():
                return
            if not self._port_is_fixed and not is_free(self.port):
                self.port = 0
            elif attempt > 1:
                break
        raise StartFailed(f"{self.title} did not start on {self.data}; the end of {self.log}:\n{self._log_end()}")

    def _run(self) -> bool:
        process = spawn(
            self._command(),
            self.log,
            env=self._environment(),
            cwd=Path("/"),
            user=self._user,
            on_orphaned=self.stop_signal,
        )
        self._process = process
        self._hold.note(Started(Identity.of(process.pid, str(self.data)), self.port))
        deadline = time.monotonic() + self.start_seconds
        while process.poll() is None and time.monotonic() < deadline:
            if self._answers(process.pid):
                return True
            time.sleep(_POLL_SECONDS)
        if process.poll() is None:
            end(psutil.Process(process.pid), signal.SIGKILL, self.stop_seconds)
        process.wait()
        return False

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
