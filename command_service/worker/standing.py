"""Step 6, how a process manager stands: what /status, the metrics and the log tell of it."""

from typing import Any

import structlog
from prometheus_client import Gauge

RUNNING, STANDBY, STOPPED = "RUNNING", "STANDBY", "STOPPED"

_STOPPED = Gauge("obverse_process_stopped", "1 when the process manager has stopped.", ["process"])
_POSITION = Gauge("obverse_process_position", "Up to where the process manager has reacted.", ["process"])

log = structlog.get_logger()


class Failed(Exception):
    """A process manager could not react to an input."""

    def __init__(self, position: int, what: str, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error} (at record {position}, {what})")
        self.position = position
        """Of the record; of a timer that of its TimerSet."""


class Standing:
    """One process manager's state in one worker: RUNNING, STANDBY while another worker runs it, or STOPPED."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state, self.error, self.position = STANDBY, "", 0

    def shown(self) -> dict[str, Any]:
        """What /status shows."""
        return {"name": self.name, "state": self.state, "position": self.position, "error": self.error}

    def reach(self, position: int) -> None:
        """Note up to where it has reacted."""
        self.position = position
        _POSITION.labels(self.name).set(position)

    def enter(self, state: str, error: str = "") -> None:
        """Run or stand by; with why, where that is none of its choice."""
        if (state, error) != (self.state, self.error):
            log.info(f"Process manager {self.name} {state}", position=self.position, reason=error)
        self.state, self.error = state, error
        _STOPPED.labels(self.name).set(0)

    def stop(self, error: Exception) -> None:
        """Stop for good, and say on what."""
        self.state = STOPPED
        self.error = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
        _STOPPED.labels(self.name).set(1)
        log.error(
            f"Process manager {self.name} STOPPED: put its cause right and start the worker again",
            position=self.position,
            error=self.error,
            exc_info=error,
        )
