"""However entries with work are gathered into batches, Postgres ends up as the log in memory does one by one."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command_service.event_log import Appended, Entry, EventLog, LogError
from command_service.memory_event_log import MemoryEventLog
from command_service.memory_work import MemoryWork
from command_service.work import Work, WorkKind
from command_service.work_queue import WorkQueue
from ops.embedded import EmbeddedPostgres
from tests.ports.conftest import opened
from tests.ports.work import ACCEPTED, OUTCOMES, SUCCEEDED, Open, new, outcome, record_of

CHANNELS, STREAMS, COMMANDS = 2, 2, 5
ENDS = [WorkKind.SUCCEEDED, WorkKind.REFUSED, WorkKind.FAILED, WorkKind.FAILED]
OTHERS = [WorkKind.REOPEN, WorkKind.DISCARD, WorkKind.CANCEL, WorkKind.PAUSE, WorkKind.RESUME]
TIMERS = [WorkKind.SET_TIMER, WorkKind.CLEAR_TIMER]


@dataclass(frozen=True)
class Step:
    """One entry: an acceptance, an outcome, or something else that is done to a command, channel or timer."""

    kind: WorkKind
    number: int
    """Of the command, channel or timer."""
    stream: int
    later: bool
    most_open: int
    sends: tuple[int, ...]
    """Numbers of commands that are accepted beside."""
    is_checked_only: bool


steps = st.builds(
    Step,
    kind=st.sampled_from([WorkKind.OPEN] * 6 + ENDS + OTHERS + TIMERS),
    number=st.integers(0, COMMANDS - 1),
    stream=st.integers(0, STREAMS - 1),
    later=st.sampled_from([False, False, False, True]),
    most_open=st.sampled_from([0, 0, 0, 3]),
    sends=st.lists(st.integers(0, COMMANDS + 4), max_size=2).map(tuple),
    is_checked_only=st.sampled_from([False] * 7 + [True]),
)


class Plan:
    """Turns steps into entries, on what a log has at that moment."""

    def __init__(self, run: str, log: EventLog) -> None:
        self._run, self._log = run, log
        self._start = datetime.now(UTC)

    async def entry(self, step: Step) -> Entry:
        """The entry of a step; an outcome is that of a claim, so it follows on its command's stream."""
        command, hashed = self._name("c", step.number), hashlib.sha256(b"%d" % step.number).digest()
        receipt = None if step.is_checked_only else step.kind.name.lower().encode()
        if step.kind is WorkKind.OPEN:
            work = self._opening(step, step.number)
            records = [record_of(work, 1)]
            return Entry(command, hashed, (), tuple(records), (), receipt, ACCEPTED)
        work = self._work(step)
        stream = f"t.own-{self._run}-{work.key}" if work.key != command else ""
        stream = stream or f"command-{command}"
        version = len(await self._log.read_stream(stream))
        sent = [record_of(self._opening(step, number), 1) for number in step.sends if number != step.number]
        records = [*sent, record_of(work, version + 1, stream)]
        if step.kind in OUTCOMES:
            state, id_ = OUTCOMES[step.kind], command
        else:
            state, id_ = SUCCEEDED, new("operator")
        reads = ((stream, version),)
        return Entry(id_, hashed, reads, tuple(records), (), receipt, state, executes=step.kind in OUTCOMES)

    def _opening(self, step: Step, number: int) -> Work:
        due = self._start + timedelta(hours=1) if step.later else None
        channel, stream = self._name("channel", number % CHANNELS), self._name("stream", step.stream)
        hashed = hashlib.sha256(b"%d" % number).digest()
        command = self._name("c", number)
        return Work(WorkKind.OPEN, command, channel, stream, "T", due, most_open=step.most_open, request_hash=hashed)

    def _work(self, step: Step) -> Work:
        channel = self._name("channel", step.number % CHANNELS)
        if step.kind in (WorkKind.PAUSE, WorkKind.RESUME):
            return Work(step.kind, channel, channel, text="why")
        if step.kind in TIMERS:
            due = self._start + timedelta(hours=step.stream)
            return Work(step.kind, self._name("timer", step.number % 2), "", "s", self._run, due, text="name")
        return Work(step.kind, self._name("c", step.number), channel, run_millis=step.stream * 100, text="wrong")

    def _name(self, kind: str, number: int) -> str:
        return f"{kind}-{self._run}-{number}"


@pytest.fixture
async def postgres_work(migrated: EmbeddedPostgres) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:
        yield await opened(stack, migrated, "obverse")


def _shown(outcome: Appended | BaseException, start: int) -> tuple[object, ...]:
    if isinstance(outcome, Appended):
        return (outcome.position - start, outcome.replayed, outcome.receipt, outcome.state)
    assert isinstance(outcome, LogError), outcome
    return (type(outcome), str(outcome))


async def _tables(queue: WorkQueue, run: str, start: int) -> list[object]:
    """What an operator sees of this run."""
    seen: list[object] = []
    for number in range(CHANNELS):
        channel = f"channel-{run}-{number}"
        for each in await queue.counts(channel):
            seen.append((each.ready, each.scheduled, each.failed, each.in_flight, each.waiting, each.paused))
            seen.append((each.accepted_total, each.succeeded_total, each.refused_total, each.failed_total))
            seen.append((each.pause_reason, each.run_millis, each.oldest_time is None))
        for failed in (False, True):
            for queued in await queue.peek(channel, 100, failed):
                seen.append((queued.command_id, queued.position - start, queued.state, queued.stream, queued.error))
    return seen


async def _worked_off(log: EventLog, queue: WorkQueue, run: str) -> list[list[str]]:
    """The ids of every round of claims, until nothing is left that can be claimed."""
    rounds: list[list[str]] = []
    while True:
        claims = [
            claim for number in range(CHANNELS) for claim in await queue.claim(f"channel-{run}-{number}", 100, "me", 60)
        ]
        if not claims:
            return rounds
        # A plan may try what no decision would, e.g. again what has not failed: its outcome then does not follow.
        ended = await asyncio.gather(*(log.append(outcome(claim)) for claim in claims), return_exceptions=True)
        rounds.append([f"{claim.command_id} {type(end)}" for claim, end in zip(claims, ended, strict=True)])


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    opens=st.lists(steps, min_size=COMMANDS, max_size=COMMANDS),
    others=st.lists(steps, min_size=5, max_size=25),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
)
async def test_batches_with_work_end_as_one_by_one(
    postgres_work: Open, opens: list[Step], others: list[Step], sizes: Sequence[int]
) -> None:
    plan = [replace(step, kind=WorkKind.OPEN, number=number) for number, step in enumerate(opens)] + others
    run, memory = new("run"), MemoryEventLog()
    planner, entries, wanted = Plan(run, memory), [], []
    for step in plan:
        entries.append(await planner.entry(step))
        (done,) = await asyncio.gather(memory.append(entries[-1]), return_exceptions=True)
        wanted.append(_shown(done, 0))
    start = (await postgres_work.log.head()).position
    outcomes: list[Appended | BaseException] = []
    while len(outcomes) < len(entries):
        batch = entries[len(outcomes) : len(outcomes) + sizes[len(outcomes) % len(sizes)]]
        outcomes += await asyncio.gather(*map(postgres_work.log.append, batch), return_exceptions=True)
    assert [_shown(each, start) for each in outcomes] == wanted
    in_memory = MemoryWork(memory)
    assert await _tables(postgres_work.queue, run, start) == await _tables(in_memory, run, 0)
    timers = [timer.key for timer in await in_memory.due_timers(run, 10)]
    assert [timer.key for timer in await postgres_work.processes.due_timers(run, 10)] == timers
    rounds = await _worked_off(memory, in_memory, run)
    assert await _worked_off(postgres_work.log, postgres_work.queue, run) == rounds
    assert await _tables(postgres_work.queue, run, start) == await _tables(in_memory, run, 0)
