"""What the relay says about itself: its state with the reason for it, to /status, to the metrics and to the log."""

from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from runtime.status import Status

_STATE = Gauge("obverse_relay_state", "1 for the state that the relay is in.", ["state"])
_LOG = Gauge("obverse_relay_log_position", "Where the log ends.")
_STREAM = Gauge("obverse_relay_stream_position", "Where the stream ends.")
_RECORDS = Counter("obverse_relay_records_total", "Records that the stream has acknowledged.")
_SIZES = (1, 2, 5, 10, 20, 50, 100, 500, 1000)
_BATCHES = Histogram("obverse_relay_batch_records", "Records of a publish.", buckets=_SIZES)
_FAULTS = Gauge("obverse_relay_stream_faults", "Settings of the stream that are not as declared.")
_HOLES = Gauge("obverse_relay_stream_holes", "Messages that are missing inside the stream.")

log = structlog.get_logger()


class State(StrEnum):
    """Where the relay stands."""

    CONNECT = "CONNECT"
    """Looks for broker and log, or stands by while another relay is active."""
    HANDSHAKE = "HANDSHAKE"
    """Compares the stream's last message with the log."""
    STREAMING = "STREAMING"
    """Copies."""
    STREAM_MISSING = "STREAM_MISSING"
    """Creates the stream, to fill it from the log."""
    DIVERGED = "DIVERGED"
    """The stream tells another history than the log: nothing is touched until somebody has decided."""
    STUCK = "STUCK"
    """The broker answers but takes nothing; tried again."""


class Report:
    """The state of one relay; plain attributes, so that another thread may read them."""

    def __init__(self, status: Status) -> None:
        self._status = status
        status.details = self.shown
        self.state = State.CONNECT
        self.reason = ""
        self.log_position = 0
        self.stream_position = 0
        self.faults: tuple[str, ...] = ()
        self.holes = 0

    def enter(self, state: State, reason: str = "") -> None:
        """Say the state; a line in the log whenever something changes."""
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        self._status.state, self._status.healthy = state, state not in (State.DIVERGED, State.STUCK)
        for each in State:
            _STATE.labels(each).set(each is state)
        say = log.error if state in (State.DIVERGED, State.STUCK) else log.info
        say(f"Relay {state}", reason=reason, log=self.log_position, stream=self.stream_position)

    def log_at(self, position: int) -> None:
        """Say where the log ends."""
        self.log_position = max(self.log_position, position)
        _LOG.set(self.log_position)

    def stream_at(self, position: int, published: int = 0) -> None:
        """Say where the stream ends, after so many records more."""
        self.stream_position = position
        self.log_at(position)
        _STREAM.set(position)
        if published:
            _RECORDS.inc(published)
            _BATCHES.observe(published)

    def audited(self, faults: tuple[str, ...], holes: int) -> None:
        """Say what the audit of the stream has found."""
        if (faults, holes) != (self.faults, self.holes):
            say = log.error if faults or holes else log.info
            say("Stream audited", faults="; ".join(faults), holes=holes)
        self.faults, self.holes = faults, holes
        _FAULTS.set(len(faults))
        _HOLES.set(holes)

    def shown(self) -> dict[str, Any]:
        """What /status shows."""
        return {
            "reason": self.reason,
            "log_position": self.log_position,
            "stream_position": self.stream_position,
            "faults": list(self.faults),
            "holes": self.holes,
        }
