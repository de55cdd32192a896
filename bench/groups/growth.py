"""Goals P15 to P17: cost as entities, commands and processes grow; it takes minutes, so only `--full` has it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.append import fill
from bench.bodies import GET_ORDER
from bench.cpu import resident_bytes
from bench.goals import HAS_FREE_CORE
from bench.groups.queries import queries
from bench.load import Follow, Load, percentile
from bench.parts import MODULES
from bench.processes import Served
from bench.rig import Rig
from bench.system import BenchSystem

SIZES = (1_000, 100_000, 1_000_000)
_FILLED = "bench-entry"
_WARM, _MANY = 50_000, 1_000_000
_SETTLE = Follow("", GET_ORDER, "bench.bodies:newest_fresh_query")


def entities(folder: Path, echo: Served, runs: list[dict[str, float]], scale: float) -> None:
    """Systems of three sizes side by side, measured in turn so that the machine's moods meet all of them: P15."""
    with ExitStack() as stack:
        rigs = {size: Rig(stack.enter_context(BenchSystem(folder / f"entities-{size}")), echo, scale) for size in SIZES}
        for size, rig in rigs.items():
            fill(rig.system.postgres.dsn("obverse_service"), size)
            rig.system.start()
            _caught_up(rig)
        for run in runs:
            for size, rig in rigs.items():
                run[f"growth_commands_{size}_per_s"] = rig.load(rig.commands()).per_second
                asked = rig.load(_filled_queries(rig, size))
                run[f"growth_query_{size}_p99_s"] = percentile(asked.latencies, 0.99)


def memory(folder: Path, echo: Served, run: dict[str, float], scale: float) -> None:
    """What each of the four services holds after a million commands ÷ after fifty thousand: P16."""
    with BenchSystem(folder / "memory") as system:
        rig = Rig(system, echo)
        system.start()
        _commands(rig, int(_WARM * scale))
        before = {name: resident_bytes(system.pids[name]) for name in MODULES}
        _commands(rig, int((_MANY - _WARM) * scale))
        for name, bytes_ in before.items():
            run[f"memory_growth_{name}"] = resident_bytes(system.pids[name]) / bytes_
            run[f"memory_{name}_mib"] = bytes_ / 2**20


def processes(folder: Path, echo: Served, runs: list[dict[str, float]], scale: float) -> None:
    """One and two processes of command and query server, two systems in turn: P17."""
    with ExitStack() as stack:
        rigs = []
        for count in (1, 2):
            many = {"command_service": count, "query_service": count}
            rig = Rig(stack.enter_context(BenchSystem(folder / f"processes-{count}", many)), echo, scale)
            fill(rig.system.postgres.dsn("obverse_service"), SIZES[0])
            rig.system.start()
            _caught_up(rig)
            rigs.append(rig)
        for run in runs:
            _compare(run, "command_server", "command_service", [rig.commands() for rig in rigs], rigs)
            _compare(run, "query_server", "query_service", [_filled_queries(rig, SIZES[0]) for rig in rigs], rigs)


def _compare(run: dict[str, float], name: str, service: str, loads: list[Load], rigs: list[Rig]) -> None:
    one, two = (rig.load(replace(load, connections=16)) for rig, load in zip(rigs, loads, strict=True))
    if HAS_FREE_CORE:
        run[f"second_{name}"] = two.per_second / one.per_second
    else:
        change = two.cpu_per_call([service]) / one.cpu_per_call([service]) - 1
        run[f"second_{name}_cpu_percent"] = abs(change) * 100


def _filled_queries(rig: Rig, size: int) -> Load:
    return replace(queries(rig), body_arguments={"prefix": _FILLED, "count": size})


def _commands(rig: Rig, count: int) -> None:
    ask = replace(_SETTLE, address=rig.system.query_address)
    rig.load(replace(rig.commands(seconds=max(60.0, count / 500)), count=count, warmup_seconds=0.0, settle=ask))


def _caught_up(rig: Rig) -> None:
    """One command, then wait for its order: everything before it is in the views as well."""
    ask = Follow(rig.system.query_address, GET_ORDER, "bench.bodies:newest_patient_query")
    rig.load(replace(rig.commands(seconds=5.0), count=1, warmup_seconds=0.0, settle=ask))
