"""Beside the flow: the benchmark from start to table, every step announced, what fails named at the end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import grpc
import nats.errors
import psutil
import redis

from bench import report
from bench.goals import GOALS
from bench.groups import append, asynchronous, catching_up, commands, growth, lag, queries
from bench.processes import Served, serving
from bench.rig import Rig
from bench.system import BenchSystem

GROUPS = ("commands", "queries", "lag", "async", "append", "peers", "catching_up", "growth")
Step = tuple[str, str, Callable[[Rig], None]]
_STEPS: tuple[Step, ...] = (
    ("commands", "echo and commands, 64 callers", commands.throughput),
    ("commands", "commands, 256 callers", commands.many_callers),
    ("commands", "echo and commands, pinned", commands.pinned),
    ("commands", "one caller", commands.alone),
    ("commands", "one hot stream", commands.hot_stream),
    ("queries", "queries, 64 and 256 callers, pinned", queries.throughput),
    ("queries", "queries, one caller", queries.alone),
    ("lag", "lag at 50 commands/s", lag.low),
    ("lag", "lag at 70 % of saturation", lag.high),
    ("async", "commands accepted, beside synchronous ones", asynchronous.accepted),
    ("async", "one worker and 10,000 commands", asynchronous.drained),
    ("async", "acceptance to outcome at 50 commands/s", asynchronous.outcome),
    ("async", "transfers on two accounts, and on distinct ones", asynchronous.hot_accounts),
    ("append", "append alone and pgbench, 64 and 256 callers", append.throughput),
    ("peers", "naive pipeline and eventsourcing", commands.peers),
)
_CATCHING_UP_SECONDS = 120.0
_QUIET_PERCENT = 15.0
_FAILURES = (
    RuntimeError,
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    asyncpg.PostgresError,
    nats.errors.Error,
    psutil.Error,
    subprocess.SubprocessError,
    redis.RedisError,
    grpc.RpcError,
)


@dataclass(frozen=True)
class Plan:
    """What to measure, how often, where."""

    folder: Path
    """Scratch space for the systems under test."""
    results: Path
    runs: int
    seconds: float
    """No further run is begun that would end after so many seconds."""
    scale: float
    only: frozenset[str]
    """Groups; empty for all."""
    full: bool

    def has(self, group: str) -> bool:
        """Whether the group is wanted; growth only with `full` or by name."""
        return group in self.only if self.only or (group == "growth" and not self.full) else True


@dataclass
class _Progress:
    started: float = field(default_factory=time.monotonic)
    failures: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step and how long it took; one that fails is taken down and the next goes on."""
        begun = time.monotonic()
        print(f"[{self.seconds:4.0f} s] {title} …", flush=True)
        try:
            yield
        except _FAILURES as failure:
            self.failures.append(f"{title}: {type(failure).__name__}: {failure}")
            print(f"         FAILED: {self.failures[-1]}", flush=True)
        else:
            print(f"         done in {time.monotonic() - begun:.1f} s", flush=True)


def measure(plan: Plan) -> int:
    """Carry the plan out; 0 when every step was measured, else 1."""
    progress, runs = _Progress(), list[dict[str, float]]()
    busy = _busy_percent()
    with serving("bench.limits.echo") as echo:
        _pipeline(plan, progress, echo, runs)
        if plan.has("catching_up"):
            _catching_up(plan, progress, runs)
        if plan.has("growth"):
            _growth(plan, progress, echo, runs)
    if runs:
        runs[0]["busy_before_percent"] = busy
    print(report.write(plan.results, report.evaluate(GOALS, runs), runs, progress.failures))
    print(f"{plan.results / 'latest.json'}, .md and .png written after {progress.seconds:.0f} s")
    return 1 if progress.failures else 0


def _busy_percent() -> float:
    busy = float(psutil.cpu_percent(interval=1.0))
    if busy > _QUIET_PERCENT:
        print(
            f"Something else keeps this machine {busy:.0f} % busy: absolutes and pinned figures will be too low.",
            flush=True,
        )
    return busy


def _pipeline(plan: Plan, progress: _Progress, echo: Served, runs: list[dict[str, float]]) -> None:
    steps = [step for step in _STEPS if plan.has(step[0])]
    with progress.step("the whole system"), BenchSystem(plan.folder / "pipeline") as system:
        system.start()
        queries.prepare(Rig(system, echo))
        for number in range(plan.runs if steps else 0):
            begun, rig = progress.seconds, Rig(system, echo, plan.scale)
            runs.append(rig.figures)
            for _, title, work in steps:
                with progress.step(f"run {number + 1} of {plan.runs}: {title}"):
                    work(rig)
            reserve = _CATCHING_UP_SECONDS if plan.has("catching_up") else 0.0
            if progress.seconds + (progress.seconds - begun) + reserve > plan.seconds:
                break


def _catching_up(plan: Plan, progress: _Progress, runs: list[dict[str, float]]) -> None:
    title = f"filling a log with {catching_up.RECORDS:,} records, and catching up"
    with progress.step(title), BenchSystem(plan.folder / "catching-up") as system:
        catching_up.prepare(system)
        longest = 0.0
        for number in range(plan.runs):
            if number and progress.seconds + longest > plan.seconds:
                break
            begun = progress.seconds
            if number == len(runs):
                runs.append({})
            with progress.step(f"run {number + 1} of {plan.runs}: relay and bare publishers"):
                catching_up.relay(system, runs[number])
            with progress.step(f"run {number + 1} of {plan.runs}: projector and bare fetch"):
                catching_up.projector(system, runs[number])
            longest = max(longest, progress.seconds - begun)


def _growth(plan: Plan, progress: _Progress, echo: Served, runs: list[dict[str, float]]) -> None:
    while len(runs) < plan.runs:
        runs.append({})
    with progress.step("10³, 10⁵, 10⁶ entities"):
        growth.entities(plan.folder, echo, runs, plan.scale)
    with progress.step("memory over 10⁶ commands"):
        growth.memory(plan.folder, echo, runs[0], plan.scale)
    with progress.step("one and two server processes"):
        growth.processes(plan.folder, echo, runs, plan.scale)
