"""Goals P8 and P9: queries for an order's view, beside the echo."""

from __future__ import annotations

from dataclasses import replace

from bench import bodies
from bench.limits.valkey import run_mget
from bench.load import Follow, Load
from bench.rig import Rig

PREFIX, ORDERS = "bench-order", 2_000


def prepare(rig: Rig) -> None:
    """Create the orders that the queries ask for, once, and wait until they are visible."""
    ask = Follow(rig.system.query_address, bodies.GET_ORDER, "bench.bodies:newest_fresh_query")
    rig.load(
        replace(
            rig.commands(seconds=20),
            bodies="bench.bodies:numbered_orders",
            body_arguments={"prefix": PREFIX},
            count=ORDERS,
            warmup_seconds=0,
            settle=ask,
        )
    )


def queries(rig: Rig, callers: int = 64, seconds: float = 3.0, count: int = ORDERS) -> Load:
    """A load of GetOrder over the prepared orders."""
    return Load(
        rig.system.query_address,
        bodies.GET_ORDER,
        "bench.bodies:order_queries",
        {"prefix": PREFIX, "count": count},
        callers=callers,
        seconds=seconds,
        watch=rig.system.pids,
    )


def throughput(rig: Rig) -> None:
    """Queries at 64 and 256 callers, query server pinned (P8) and not; the echo to compare with is P2's."""
    rig.note("queries_64", rig.load(queries(rig)))
    rig.note("queries_256", rig.load(queries(rig, 256)))
    with rig.pinned("query_service") as cores:
        rig.note("queries_64_pinned", rig.load(replace(queries(rig), cores=cores)))


def alone(rig: Rig) -> None:
    """One caller: P9; and the bare MGET."""
    rig.note("query_1", rig.load(queries(rig, 1, 2)))
    rig.figures["mget_keys_per_s"] = run_mget(rig.system.valkey.url, 1)
