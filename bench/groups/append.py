"""Goal P7: the append function alone, beside pgbench's one-row inserts on the same server."""

from __future__ import annotations

import random

from bench.append import append_alone
from bench.limits.pgbench import run_pgbench
from bench.rig import Rig

_DATABASE = "bench_append"


def throughput(rig: Rig) -> None:
    """At 64 and 256 callers, in a database of its own."""
    dsn = rig.system.new_database(_DATABASE)
    for callers in (64, 256):
        first = random.randrange(0, 90_000_000)  # streams that an earlier run did not make
        inserts = run_pgbench(rig.system.plain_dsn, callers, max(1, round(2 * rig.scale)))
        appends = append_alone(dsn, callers, 2.5 * rig.scale, first)
        rig.figures[f"pgbench_{callers}_per_s"] = inserts.per_second
        rig.figures[f"append_{callers}_per_s"] = appends.per_second
        rig.figures[f"append_{callers}_cpu_process_s"] = appends.cpu_seconds / appends.entries
