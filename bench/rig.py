"""Beside the flow: what every measurement has at hand: the system, the echo, the run's figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bench.bodies import CREATE_ORDER
from bench.cpu import machine_cores, pin
from bench.limits import echo
from bench.load import Load, LoadError, LoadResult, percentile, run_load
from bench.processes import Served
from bench.system import BenchSystem

ECHO_BYTES = 300


@dataclass
class Rig:
    """One run of the benchmark."""

    system: BenchSystem
    echo: Served
    scale: float = 1.0
    """Multiplies the length of every measured window."""
    figures: dict[str, float] = field(default_factory=dict)

    def load(self, load: Load, allowed: str = "") -> LoadResult:
        """Run a load, its window scaled; LoadError when calls failed otherwise than with a text that has `allowed`."""
        result = run_load(replace(load, seconds=load.seconds * self.scale))
        failed = {text: count for text, count in result.errors.items() if not allowed or allowed not in text}
        if failed:
            raise LoadError(f"{sum(failed.values())} calls of {load.path} failed: {failed}")
        return result

    def commands(self, callers: int = 64, seconds: float = 4.0) -> Load:
        """A load of CreateOrder, each on a stream of its own."""
        return Load(
            self.system.command_address,
            CREATE_ORDER,
            "bench.bodies:orders",
            callers=callers,
            seconds=seconds,
            watch=self.system.pids,
        )

    def echoes(self, callers: int = 64, seconds: float = 3.0) -> Load:
        """A load on the bare echo."""
        return Load(
            self.echo.address,
            echo.PATH,
            "bench.bodies:zeros",
            {"size": ECHO_BYTES},
            callers=callers,
            seconds=seconds,
            watch={"echo": self.echo.pid},
        )

    def note(self, name: str, result: LoadResult, *wanted: str) -> None:
        """Take down rate, p50 and p99 of a load under a name, and the CPU of each watched process a call."""
        self.figures[f"{name}_per_s"] = result.per_second
        self.figures[f"{name}_p50_s"] = percentile(result.latencies, 0.5)
        self.figures[f"{name}_p99_s"] = percentile(result.latencies, 0.99)
        for process in result.cpu:
            self.figures[f"{name}_cpu_{process}_s"] = result.cpu_per_call([process])

    @contextmanager
    def pinned(self, alone: str) -> Iterator[tuple[int, ...]]:
        """One service and the echo on the first core, the rest elsewhere; gives the cores for the load."""
        first, *rest = machine_cores()
        self.system.pin_apart(alone)
        pin(self.echo.pid, [first])
        try:
            yield tuple(rest or [first])
        finally:
            self.system.release()
            pin(self.echo.pid, machine_cores())
