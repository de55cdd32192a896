"""Keeps the file that says what runs in step with what runs."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from ops.keep import Unit
from ops.process import Identity
from ops.run_state import Running, RunState


class Roster:
    """Writes run.json of a data folder; safe from any thread."""

    def __init__(self, data: Path, command_address: str, query_address: str, units: Mapping[str, Unit]) -> None:
        """`units` in the order of starting."""
        self._data, self._units = data, units
        self._addresses = command_address, query_address
        self._writing = threading.Lock()

    def write(self) -> None:
        """Writes down every unit that has been started, with what finds its process again."""
        with self._writing:
            listed = [
                Running(name, unit.identity, unit.address, str(unit.log))
                for name, unit in self._units.items()
                if unit.identity
            ]
            RunState(Identity.of(os.getpid(), ""), *self._addresses, listed).write(self._data)

    def clear(self) -> None:
        """Nothing runs any more."""
        with self._writing:
            (self._data / "run.json").unlink(missing_ok=True)
