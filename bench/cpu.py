"""Beside the flow: processor time of a process with all its children, and which cores they may use."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping

import psutil


def cpu_seconds(pid: int) -> float:
    """User and system seconds that the process and its children, the ended ones included, have used so far."""
    root = psutil.Process(pid)
    times = root.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in root.children(recursive=True):
        try:
            spent = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return total


def all_cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """`cpu_seconds` of several processes by name."""
    return {name: cpu_seconds(pid) for name, pid in pids.items()}


def resident_bytes(pid: int) -> int:
    """Bytes that the process and its children hold for themselves (unique set size: shared pages count nowhere)."""
    root = psutil.Process(pid)
    return sum(int(process.memory_full_info().uss) for process in (root, *root.children(recursive=True)))


def pin(pid: int, cores: Collection[int]) -> None:
    """Let every thread of the process and of its children run on these cores only; threads to come inherit it."""
    for thread in _threads(pid):
        try:
            os.sched_setaffinity(thread, cores)
        except ProcessLookupError:
            continue


def machine_cores() -> tuple[int, ...]:
    """The cores that this process may use, in order."""
    return tuple(sorted(os.sched_getaffinity(0)))


def _threads(pid: int) -> Iterator[int]:
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        try:
            yield from [thread.id for thread in process.threads()]
        except psutil.NoSuchProcess:
            continue
