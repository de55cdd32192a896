"""Beside the flow: the benchmark's own server processes, each of which prints its port as its first line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Served:
    """A server process and where it listens."""

    pid: int
    address: str


@contextmanager
def serving(module: str, arguments: Sequence[str] = ()) -> Iterator[Served]:
    """Run `python -m module arguments` until the block ends; RuntimeError when it does not say its port."""
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline().strip() if process.stdout else ""
        if not line.isdigit():
            raise RuntimeError(f"{module} did not start: it printed {line!r} instead of its port; its error is above.")
        yield Served(process.pid, f"127.0.0.1:{line}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
