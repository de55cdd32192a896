"""Goals P1 to P6, P7b, P12 and P12b: commands through the whole pipeline, beside the echo and the alternatives."""

from __future__ import annotations

from dataclasses import replace

from bench import bodies
from bench.limits.pgbench import run_pgbench
from bench.load import Follow, Load, LoadResult
from bench.peers import naive
from bench.peers.eventsourcing_saves import run_saves
from bench.processes import serving
from bench.rig import Rig

_LOST_RACE = "10 "  # gRPC code ABORTED


def throughput(rig: Rig) -> None:
    """Echo and commands at 64 callers, unpinned: P1, P3, P12, P12b."""
    echoed = rig.load(rig.echoes())
    rig.note("echo_64", echoed)
    rig.figures["echo_cpu_s"] = echoed.cpu_per_call(["echo"])
    ask = Follow(rig.system.query_address, bodies.GET_ORDER, "bench.bodies:newest_fresh_query")
    now = replace(ask, request="bench.bodies:oldest_query")
    done = rig.load(replace(rig.commands(), settle=ask, settle_at_once=now))
    rig.note("commands_64", done)
    rig.figures["command_cpu_s"] = done.cpu_per_call(list(rig.system.pids))
    _visible(rig, done)


def many_callers(rig: Rig) -> None:
    """Commands at 256 callers: P5."""
    rig.note("commands_256", rig.load(rig.commands(256)))


def pinned(rig: Rig) -> None:
    """Echo and command server each on a core of its own, the rest elsewhere: P2."""
    with rig.pinned("command_service") as cores:
        rig.note("echo_64_pinned", rig.load(replace(rig.echoes(), cores=cores)))
        rig.note("commands_64_pinned", rig.load(replace(rig.commands(), cores=cores)))


def alone(rig: Rig) -> None:
    """One caller: P6, and the echo's median for P9."""
    rig.note("echo_1", rig.load(rig.echoes(1, 2)))
    inserts = run_pgbench(rig.system.plain_dsn, 1, 2)
    rig.figures |= {"pgbench_1_per_s": inserts.per_second, "pgbench_1_p50_s": inserts.median_seconds}
    rig.note("command_1", rig.load(rig.commands(1, 3)))


def hot_stream(rig: Rig) -> None:
    """64 callers on one cart: P7b."""
    load = Load(
        rig.system.command_address,
        bodies.ADD_ITEM,
        "bench.bodies:hot_cart",
        {"user": "bench-hot"},
        watch=rig.system.pids,
    )
    done = rig.load(load, allowed=_LOST_RACE)
    rig.note("hot_64", done)
    rig.figures["hot_64_lost_count"] = float(done.failed)


def peers(rig: Rig) -> None:
    """The naive pipeline and the eventsourcing library: P4."""
    system = rig.system
    with serving("bench.peers.naive", [system.plain_dsn, system.nats.url, system.valkey.url]) as served:
        servers = {name: system.pids[name] for name in ("postgres", "nats", "valkey")}
        load = Load(
            served.address, naive.PATH, "bench.bodies:orders", seconds=3, watch={**servers, "naive": served.pid}
        )
        rig.note("naive_64", rig.load(load))
    best = max(
        (run_saves(system.plain_dsn, 1.5 * rig.scale, threads) for threads in (1, 4)), key=lambda s: s.per_second
    )
    rig.figures["eventsourcing_saves_per_s"] = best.per_second
    rig.figures["eventsourcing_load_saves_per_s"] = best.load_and_save_per_second


def _visible(rig: Rig, done: LoadResult) -> None:
    oldest, newest = (bodies.position_of(answer) for answer in done.first_newest_last)
    seen = bodies.as_of(done.at_once).position
    rig.figures["visible_share"] = min(1.0, (seen - oldest) / max(1, newest - oldest))
    if done.settle_seconds is not None:
        rig.figures["settle_s"] = done.settle_seconds
