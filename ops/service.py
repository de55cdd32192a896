"""One of Obverse's own processes as the supervisor sees it: how it is started, when it is healthy, how it drains."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import health
from ops.child import spawn
from ops.embedded import StartFailed
from ops.embedded.ports import free_port
from ops.process import Identity, end_session

_DRAIN_SECONDS = 15.0
"""More than OBVERSE_DRAIN_SECONDS is by default; the service gets its own and this on top."""


@dataclass(frozen=True)
class Service:
    """What the supervisor has to know of a service: its name, its program, which addresses it needs."""

    name: str
    program: tuple[str, ...]
    needs: tuple[str, ...]
    """The variables that the running system fills in."""
    serves: str = ""
    """The variable with its gRPC address, for one that serves."""


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


_POSTGRES, _NATS, _REDIS = "OBVERSE_POSTGRES_DSN", "OBVERSE_NATS_URL", "OBVERSE_REDIS_URL"
_MAIL, _PAYMENTS = "OBVERSE_SMTP_URL", "OBVERSE_SANDBOX_PAYMENTS"
_COMMANDS, _QUERIES = "OBVERSE_COMMAND_ADDRESS", "OBVERSE_QUERY_ADDRESS"
SERVICES: tuple[Service, ...] = (
    Service(
        "command_service",
        _module("command_service"),
        (_POSTGRES, _COMMANDS),
        _COMMANDS,
    ),
    Service("relay", _module("command_service.relay"), (_POSTGRES, _NATS)),
    Service("projector", _module("projector"), (_NATS, _REDIS, "OBVERSE_LOG_ADDRESS")),
    Service(
        "query_service",
        _module("query_service"),
        (_REDIS, _QUERIES),
        _QUERIES,
    ),
    Service("worker", _module("command_service.worker"), (_POSTGRES, _MAIL, _PAYMENTS)),
)
"""In the order of starting."""


class ServiceProcess:
    """Runs one service; a unit of the system like an embedded server. Not for two threads at once."""

    def __init__(self, service: Service, log: Path, root: Path, environment: Callable[[], Mapping[str, str]]) -> None:
        """`root` is the folder it runs in, `environment` gives its whole environment when it is started."""
        self.service, self.log = service, log
        self.title = service.name
        self.status_address = ""
        self._root, self._environment = root, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._serves = ""

    @property
    def pid(self) -> int:
        """The pid of the running process, 0 when there is none."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    @property
    def identity(self) -> Identity | None:
        """The process started last."""
        return self._identity

    @property
    def address(self) -> str:
        """Where it answers /healthz, /metrics and /status."""
        return self.status_address

    def start(self) -> None:
        """Starts it, waiting for nothing; does nothing when it runs."""
        if self.pid:
            return
        self.kill()  # one that died may have left processes of its own, which hold its port
        self.status_address = f"127.0.0.1:{free_port()}"
        environment = {**self._environment(), "OBVERSE_STATUS_ADDRESS": self.status_address}
        self._serves = environment.get(self.service.serves, "")
        self._process = spawn(self.service.program, self.log, env=environment, cwd=self._root)
        self._identity = Identity.of(self._process.pid, "")

    def stop(self) -> None:
        """Lets it drain; killed when it takes more than its drain time and 15 s."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, to it and what it started."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process and self._identity:
            drain = float(self._environment().get("OBVERSE_DRAIN_SECONDS") or 10)
            end_session(self._identity, number, drain + _DRAIN_SECONDS)
            self._process.wait()
        self._process = None

    @property
    def healthy(self) -> bool:
        """Whether it says so itself, and serves gRPC where it should."""
        return health.is_healthy(self.status_address) and (not self._serves or health.is_serving(self._serves))

    def wait_healthy(self, seconds: float, *, even_if_down: bool = False) -> None:
        """Returns when it is healthy; StartFailed with the end of its log when it is not within `seconds`, or ends.

        `even_if_down`: somebody will start it again, so an end is no reason to give up.
        """
        deadline = time.monotonic() + seconds
        while (even_if_down or self.pid) and time.monotonic() < deadline:
            if self.healthy:
                return
            time.sleep(0.05)
        said = self.status() or {"state": "silent"}
        why = f"is {said['state']} after {seconds:.0f} s {said.get('reason', '')}" if self.pid else "ended"
        raise StartFailed(f"{self.title} {why}; the end of {self.log}:\n{log_end(self.log)}")

    def status(self) -> dict[str, Any] | None:
        """What it says of itself, see its /status; None when it does not answer."""
        return health.status(self.status_address)


def log_end(log: Path, lines: int = 15) -> str:
    """The last lines of a log; empty where there is none."""
    text: Sequence[str] = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(text[-lines:])
