"""The time of a queue in memory, which a test can pass."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Gives the time of now, and what was passed."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += timedelta(seconds=seconds)
