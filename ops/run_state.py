"""What runs in a data folder, written down so that another process finds, asks and stops it."""

import json
import signal
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from ops.embedded.folder import write_private
from ops.process import Identity, end_session


@dataclass(frozen=True)
class Running:
    """One process of the system."""

    name: str
    process: Identity
    address: str
    """Of a service its status address, of a server where it listens."""
    log: str

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self.process.find() is not None


@dataclass(frozen=True)
class RunState:
    """The system in one data folder, processes in the order of starting."""

    supervisor: Identity
    command_address: str
    query_address: str
    processes: list[Running] = field(default_factory=list)

    @classmethod
    def read(cls, data: Path) -> Self | None:
        """What was written down last, which may have ended; None when nothing was."""
        path = data / "run.json"
        if not path.exists():
            return None
        record = json.loads(path.read_text())
        processes = [Running(**{**p, "process": Identity(**p["process"])}) for p in record.pop("processes")]
        return cls(**{**record, "supervisor": Identity(**record["supervisor"]), "processes": processes})

    def write(self, data: Path) -> None:
        """Writes it down, whole or not at all."""
        write_private(data / "run.json", json.dumps(asdict(self), indent=2) + "\n")

    @property
    def runs(self) -> bool:
        """Whether its supervisor lives."""
        return self.supervisor.find() is not None

    def named(self, name: str) -> Running | None:
        """The process of that name."""
        return next((process for process in self.processes if process.name == name), None)

    def end_leftovers(self, patience_seconds: float = 15.0) -> list[str]:
        """Ends what a supervisor that was killed has left, last started first; the names of those that still ran."""
        left = [running.name for running in reversed(self.processes) if running.alive]
        for running in reversed(self.processes):
            # SIGTERM would let PostgreSQL wait for its clients to leave.
            number = signal.SIGINT if running.name == "postgres" else signal.SIGTERM
            end_session(running.process, number, patience_seconds)
        return left
