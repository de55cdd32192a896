"""What the proofs with asynchronous commands have measured: a line each, shown at the end of the run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

FIGURES: list["Figures"] = []
"""Of this session."""


@dataclass
class Figures:
    """A line."""

    scenario: str
    seed: int
    acked: int = 0
    lost: int = 0
    duplicated: int = 0
    faults: int = 0
    longest_recovery: float = 0.0
    more: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        FIGURES.append(self)

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """The block is as long as it takes to recover from a fault."""
        began = time.monotonic()
        yield
        self.longest_recovery = max(self.longest_recovery, time.monotonic() - began)

    def __str__(self) -> str:
        more = "".join(f" {name}={value}" for name, value in self.more.items())
        return (
            f"{self.scenario}: seed={self.seed} faults={self.faults} acked={self.acked} lost={self.lost}"
            f" duplicated={self.duplicated} longest_recovery={self.longest_recovery:.1f}s{more}"
        )
