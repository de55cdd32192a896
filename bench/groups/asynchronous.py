"""Figures A1 to A4: commands that are accepted now and carried out by a worker, and transfers between hot accounts.

The same CreateOrder goes to two command servers on one log: to one it is synchronous, to the other asynchronous.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace

import grpc
from cqrs.admin.v1.commands_pb2 import GetQueueRequest
from cqrs.admin.v1.commands_pb2_grpc import CommandAdminServiceStub
from cqrs.admin.v1.views_pb2 import Queue

from bench import bank_bodies, bodies
from bench.cpu import cpu_seconds
from bench.load import Follow, Load, LoadError, LoadResult, percentile
from bench.parts import ACCEPTING, CHANNEL, WORKER
from bench.rig import Rig

BACKLOG = 10_000
_LONGEST_SECONDS = 120.0
_POLL_SECONDS = 0.1
_LOW_PER_SECOND = 50.0
_PAIRS = 1_000
_LOST_RACE = "10 "  # gRPC code ABORTED


def accepted(rig: Rig) -> None:
    """Synchronous commands and acceptances of the same ones, 64 callers, no worker: A1."""
    rig.note("beside_64", rig.load(rig.commands(seconds=3)))
    with rig.system.running(ACCEPTING):
        rig.note("accepted_64", rig.load(replace(_acceptances(rig, 3), count=BACKLOG)))


def drained(rig: Rig) -> None:
    """10,000 commands that wait, carried out by one worker process: A2."""
    backlog = max(100, int(BACKLOG * rig.scale))
    with grpc.insecure_channel(rig.system.command_address) as channel:
        admin = CommandAdminServiceStub(channel)
        missing = backlog - _queue(admin).ready
        if missing > 0:
            with rig.system.running(ACCEPTING):
                rig.load(replace(_acceptances(rig, 60 / rig.scale), count=missing, warmup_seconds=0))
        before = _queue(admin)
        rig.system.launch(WORKER)
        try:
            _work_off(rig, admin, before)
        finally:
            rig.system.stop(WORKER)


def outcome(rig: Rig) -> None:
    """From the answer to the outcome, as WatchCommand shows it, beside a synchronous order's way into its view: A3."""
    with rig.system.running(ACCEPTING, WORKER):
        visible = Follow(rig.system.query_address, bodies.GET_ORDER, "bench.bodies:fresh_query")
        _followed(rig, "visible_beside", replace(rig.commands(seconds=5), rate=_LOW_PER_SECOND, follow=visible))
        final = Follow(rig.system.query_address, bodies.WATCH_COMMAND, "bench.bodies:watch")
        before = _failed(rig)
        _followed(rig, "outcome", replace(_acceptances(rig, 5), rate=_LOW_PER_SECOND, follow=final))
        if failed := _failed(rig) - before:
            raise LoadError(f"{failed} commands were refused or failed in the worker; see its log")


def hot_accounts(rig: Rig) -> None:
    """Transfers of 64 callers on two accounts, and on pairs of their own: A4."""
    prefix = f"bench-{random.randrange(16**8):08x}"
    address = rig.system.command_address
    opened = Load(address, bank_bodies.OPEN_ACCOUNT, "bench.bank_bodies:accounts", {"prefix": prefix}, warmup_seconds=0)
    rig.load(replace(opened, count=2 * _PAIRS, seconds=60 / rig.scale))
    distinct = Load(
        address,
        bank_bodies.TRANSFER_MONEY,
        "bench.bank_bodies:distinct_transfers",
        {"prefix": prefix, "pairs": _PAIRS},
        seconds=3,
        watch=rig.system.pids,
    )
    rig.note("transfers_64", rig.load(distinct))
    hot = replace(distinct, bodies="bench.bank_bodies:hot_transfers", body_arguments={"prefix": prefix})
    done = rig.load(hot, allowed=_LOST_RACE)
    rig.note("hot_transfers_64", done)
    rig.figures["hot_transfers_64_lost_count"] = float(done.failed)


def _acceptances(rig: Rig, seconds: float) -> Load:
    return replace(rig.commands(seconds=seconds), address=rig.system.accepting_address)


def _work_off(rig: Rig, admin: CommandAdminServiceStub, before: Queue) -> None:
    """The rate between the first reading after the worker has begun and the one with nothing left."""
    begun, first, cpu, limit = 0.0, before, 0.0, time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < limit:
        now, queue = time.perf_counter(), _queue(admin)
        if not begun and _finished(queue) > _finished(before):
            begun, first, cpu = now, queue, cpu_seconds(rig.system.pids[WORKER])
        if begun and not queue.ready + queue.in_flight + queue.waiting:
            count = _finished(queue) - _finished(first)
            rig.figures["executed_per_s"] = count / (now - begun)
            rig.figures["executed_cpu_worker_s"] = (cpu_seconds(rig.system.pids[WORKER]) - cpu) / count
            rig.figures["executed_count"] = float(_finished(queue) - _finished(before))
            return
        time.sleep(_POLL_SECONDS)
    raise LoadError(f"The worker did not work off {before.ready} commands within {_LONGEST_SECONDS:.0f} s; see its log")


def _followed(rig: Rig, name: str, load: Load) -> None:
    result: LoadResult = rig.load(load)
    if not result.follow_latencies:
        raise LoadError(f"No answer of {load.path} was followed; did any command succeed?")
    rig.figures[f"{name}_p50_s"] = percentile(result.follow_latencies, 0.5)
    rig.figures[f"{name}_p99_s"] = percentile(result.follow_latencies, 0.99)
    rig.figures[f"{name}_samples_count"] = float(len(result.follow_latencies))


def _failed(rig: Rig) -> int:
    with grpc.insecure_channel(rig.system.command_address) as channel:
        queue = _queue(CommandAdminServiceStub(channel))
    return queue.refused_total + queue.failed_total


def _queue(admin: CommandAdminServiceStub) -> Queue:
    return admin.GetQueue(GetQueueRequest(channel=CHANNEL), timeout=10).queue


def _finished(queue: Queue) -> int:
    return queue.succeeded_total + queue.refused_total + queue.failed_total
