"""The goals, each defined once: what is divided by what, its floor, its stretch, which way is better."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]
Figures = Mapping[str, float]
"""What one run measured, by name; the names end in their unit (_per_s, _s, _count)."""


@dataclass(frozen=True)
class Goal:
    """One goal; its tuples have an entry for each figure that it has."""

    id: str
    text: str
    measure: Callable[[Figures], tuple[float, ...]]
    """The goal's values from the figures of one run; KeyError when a figure is missing."""
    floor: tuple[float, ...] = ()
    """Empty where none is set: then the goal is only measured."""
    stretch: tuple[float, ...] = ()
    unit: str = "ratio"
    better: tuple[Better, ...] = ("higher",)
    full: bool = False
    """True when only `--full` measures it."""

    def direction(self, figure: int) -> Better:
        """Which way the goal's figure of this number is better."""
        return self.better[min(figure, len(self.better) - 1)]


HAS_FREE_CORE = (os.cpu_count() or 1) >= 4
"""Whether a second server process has a core that servers and load leave free."""

_ECHO, _COMMANDS = "echo_64_per_s", "commands_64_per_s"
_LOWER: tuple[Better, ...] = ("lower",)

GOALS: tuple[Goal, ...] = (
    Goal("P1", "commands/s through the whole pipeline ÷ bare echo, unpinned, 64 callers",
         lambda f: (f[_COMMANDS] / f[_ECHO],), (0.5,), (0.75,)),
    Goal("P2", "the same, the server under test on a core of its own, the rest elsewhere",
         lambda f: (f["commands_64_pinned_per_s"] / f["echo_64_pinned_per_s"],), (1.0,), (1.25,)),
    Goal("P3", "CPU of all server processes per command ÷ CPU of one echo",
         lambda f: (f["command_cpu_s"] / f["echo_cpu_s"],), (2.2,), (1.6,), better=_LOWER),
    Goal("P4", "commands/s ÷ the naive pipeline; ÷ `eventsourcing` saves",
         lambda f: (f[_COMMANDS] / f["naive_64_per_s"], f[_COMMANDS] / f["eventsourcing_saves_per_s"]),
         (8, 4), (12, 5.5)),
    Goal("P5", "commands/s at 256 callers ÷ at 64",
         lambda f: (f["commands_256_per_s"] / f[_COMMANDS],), (0.85,), (1.0,)),
    Goal("P6", "median latency of a command, 1 caller ÷ (echo median + pgbench median)",
         lambda f: (f["command_1_p50_s"] / (f["echo_1_p50_s"] + f["pgbench_1_p50_s"]),), (2.5,), (1.8,), better=_LOWER),
    Goal("P7", "append alone, all checks and the chain on ÷ pgbench one-row inserts, at 64; at 256",
         lambda f: (f["append_64_per_s"] / f["pgbench_64_per_s"], f["append_256_per_s"] / f["pgbench_256_per_s"]),
         (1, 2), (1.8, 4)),
    Goal("P7b", "one hot stream, 64 callers ÷ distinct streams; lost races that reach a caller",
         lambda f: (f["hot_64_per_s"] / f[_COMMANDS], f["hot_64_lost_count"]), (0.5, 0), (0.9, 0),
         "ratio, commands", ("higher", "lower")),
    Goal("P8", "queries/s ÷ bare echo, pinned, order view, 64 callers",
         lambda f: (f["queries_64_pinned_per_s"] / f["echo_64_pinned_per_s"],), (0.9,), (1.25,)),
    Goal("P9", "median latency of a query, 1 caller ÷ echo median",
         lambda f: (f["query_1_p50_s"] / f["echo_1_p50_s"],), (1.7,), (1.3,), better=_LOWER),
    Goal("P10", "receipt → visible at 50 commands/s: p50, p99",
         lambda f: (f["lag_low_p50_s"] * 1e3, f["lag_low_p99_s"] * 1e3), (1.5, 6), (1, 3), "ms", _LOWER),
    Goal("P11", "receipt → visible at 70 % of saturation: p50, p99",
         lambda f: (f["lag_high_p50_s"] * 1e3, f["lag_high_p99_s"] * 1e3), (6, 15), (3, 8), "ms", _LOWER),
    Goal("P12", "read model at the log's head after the last receipt of a full-speed run",
         lambda f: (f["settle_s"] * 1e3,), (100,), (20,), "ms", _LOWER),
    Goal("P12b", "commands that are visible when the run ends ÷ accepted",
         lambda f: (f["visible_share"],), (0.98,), (1.0,)),
    Goal("P13", "relay catching up ÷ awaited publish; ÷ the best bare nats-py publisher",
         lambda f: (f["relay_per_s"] / f["publish_awaited_per_s"], f["relay_per_s"] / f["publish_best_per_s"]),
         (10, 0.7), (15, 0.9)),
    Goal("P14", "projector rebuilding order views ÷ bare nats-py fetch(500)",
         lambda f: (f["projector_per_s"] / f["fetch_500_per_s"],), (1.5,), (2.5,)),
    Goal("A1", "asynchronous commands accepted/s ÷ the same ones synchronously, 64 callers",
         lambda f: (f["accepted_64_per_s"] / f["beside_64_per_s"],)),
    Goal("A2", "commands carried out/s by one worker, 10,000 waiting ÷ accepted/s",
         lambda f: (f["executed_per_s"] / f["accepted_64_per_s"],)),
    Goal("A3", "acceptance → outcome at 50 commands/s ÷ receipt → visible of synchronous ones: p50, p99",
         lambda f: (f["outcome_p50_s"] / f["visible_beside_p50_s"], f["outcome_p99_s"] / f["visible_beside_p99_s"]),
         better=_LOWER),
    Goal("A4", "transfers/s on two hot accounts, 64 callers ÷ distinct accounts; lost races that reach a caller",
         lambda f: (f["hot_transfers_64_per_s"] / f["transfers_64_per_s"], f["hot_transfers_64_lost_count"]),
         unit="ratio, commands", better=("higher", "lower")),
    Goal("P15", "10³, 10⁵, 10⁶ entities, worst ÷ best: commands/s; query p99",
         lambda f: (_spread(f, "growth_commands_{}_per_s"), _spread(f, "growth_query_{}_p99_s")),
         (1.25, 1.25), (1.1, 1.1), better=_LOWER, full=True),
    Goal("P16", "memory of the process that grew most, after 10⁶ commands ÷ after warm-up",
         lambda f: (max(f[name] for name in f if name.startswith("memory_growth_")),), (1.1,), (1.0,), better=_LOWER,
         full=True),
    Goal("P17", "a second command; query server process where a core is free: throughput ÷ one process",
         lambda f: (f["second_command_server"], f["second_query_server"]), (1.8, 1.8), (1.95, 1.95), full=True)
    if HAS_FREE_CORE else
    Goal("P17", "a second command; query server process, no core free: change of CPU per operation",
         lambda f: (f["second_command_server_cpu_percent"], f["second_query_server_cpu_percent"]), (5, 5), (5, 5),
         "%", _LOWER, full=True),
)  # fmt: skip


def _spread(figures: Figures, name: str) -> float:
    values = [figures[name.format(size)] for size in (1_000, 100_000, 1_000_000)]
    return max(values) / min(values)


BY_ID = {goal.id: goal for goal in GOALS}
