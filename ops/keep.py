"""Keeps one process of the system running: it is started again when it dies, after a delay that grows."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ops.process import Identity

FIRST_DELAY_SECONDS = 0.5
LAST_DELAY_SECONDS = 30.0
_LOOK_SECONDS = 0.1
# What ran that long is not in a loop of crashes: its next death is its first.
_STEADY_SECONDS = 60.0


class Unit(Protocol):
    """A server or a service."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def log(self) -> Path:
        """Where it logs."""

    @property
    def identity(self) -> Identity | None:
        """The process started last, None before the first."""

    @property
    def address(self) -> str:
        """Where it answers, host:port."""

    @property
    def pid(self) -> int:
        """The pid of its running process, 0 when there is none."""

    def start(self) -> object:
        """Starts it."""

    def stop(self) -> None:
        """Lets it finish and end."""

    def kill(self) -> None:
        """SIGKILL."""


class Keeper:
    """Watches one unit from a thread of its own, from `start` to `stop`. Its methods may be called from any thread."""

    def __init__(self, unit: Unit, report: Callable[[str], None], changed: Callable[[], None], restart: bool) -> None:
        """`report` gets a line about every death and restart, `changed` is called after each start and end."""
        self.unit = unit
        self._report, self._changed, self._restart = report, changed, restart
        self._busy = threading.RLock()
        self._wanted = threading.Event()
        self._look_again = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the unit and keeps it running."""
        with self._busy:
            self.unit.start()
            self._wanted.set()
        self._changed()
        if self._restart and not self._thread:
            self._thread = threading.Thread(target=self._keep, name=f"keep {self.unit.title}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Lets the unit end, for good."""
        self._leave(self.unit.stop)

    def kill(self, stay_down: bool) -> None:
        """SIGKILL; the unit is started again unless it is to stay down."""
        if stay_down:
            self._leave(self.unit.kill)
        else:
            with self._busy:
                self.unit.kill()

    def _leave(self, end: Callable[[], None]) -> None:
        self._wanted.clear()
        self._look_again.set()
        with self._busy:
            end()
        self._changed()
        if self._thread:
            self._thread.join()
            self._thread = None
        self._look_again.clear()

    def _keep(self) -> None:
        delay, steady = FIRST_DELAY_SECONDS, 0.0
        while self._wanted.is_set():
            if self.unit.pid:
                steady += _LOOK_SECONDS
                delay = FIRST_DELAY_SECONDS if steady > _STEADY_SECONDS else delay
                self._look_again.wait(_LOOK_SECONDS)
            else:
                self._report(f"{self.unit.title} has ended; starting it again in {delay:g} s")
                self._look_again.wait(delay)
                self._start_again()
                delay, steady = min(2 * delay, LAST_DELAY_SECONDS), 0.0

    def _start_again(self) -> None:
        with self._busy:
            if not self._wanted.is_set():
                return
            try:
                self.unit.start()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next attempt follows and says so
                self._report(f"{self.unit.title} could not be started: {error}")
                return
        self._changed()
        self._report(f"{self.unit.title} was started again, pid {self.unit.pid}")
