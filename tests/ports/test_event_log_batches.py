"""However entries are gathered into batches, Postgres answers and stores what the log in memory does one by one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command_service.decider import Claim
from command_service.event_log import Appended, Entry, LogError, NewRecord, VersionConflict
from command_service.memory_event_log import MemoryEventLog
from command_service.postgres.event_log import PostgresEventLog
from tests.ports.entries import entry, records, unique

STREAMS, NAMES, COMMANDS = 3, 2, 12


@dataclass(frozen=True)
class Step:
    """One entry, in terms of what the log has when it is decided."""

    command: int
    request: bytes
    reads: tuple[tuple[int, int], ...]
    """(stream, how far the decision's version is behind)."""
    writes: tuple[tuple[int, int], ...]
    """(which of the reads, how many records)."""
    claims: tuple[tuple[int, str, bool], ...]
    skips: int
    checks_only: bool


steps = st.builds(
    Step,
    command=st.integers(0, COMMANDS),
    request=st.sampled_from([b"a", b"a", b"a", b"b"]),
    reads=st.lists(
        st.tuples(st.integers(0, STREAMS - 1), st.sampled_from([0, 0, 0, 0, 1])),
        max_size=3,
        unique_by=lambda read: read[0],
    ).map(tuple),
    writes=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=2, unique_by=lambda write: write[0]).map(
        tuple
    ),
    claims=st.lists(
        st.tuples(st.integers(0, NAMES - 1), st.sampled_from(["ann", "bob"]), st.booleans()), max_size=2
    ).map(tuple),
    skips=st.sampled_from([0, 0, 0, 0, 0, 1]),
    checks_only=st.sampled_from([False, False, False, True]),
)
plain_steps = st.builds(
    Step,
    command=st.integers(0, 10_000),
    request=st.just(b"a"),
    reads=st.lists(st.tuples(st.integers(0, STREAMS - 1), st.just(0)), max_size=3, unique_by=lambda read: read[0]).map(
        tuple
    ),
    writes=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=2, unique_by=lambda write: write[0]).map(
        tuple
    ),
    claims=st.just(()),
    skips=st.just(0),
    checks_only=st.booleans(),
)


async def _decided(step: Step, run: str, log: MemoryEventLog) -> Entry:
    streams = [f"test.thing-{run}-{stream}" for stream, _ in step.reads]
    known = {stream: len(await log.read_stream(stream)) for stream in streams}
    reads = [(stream, max(0, known[stream] - behind)) for stream, (_, behind) in zip(streams, step.reads, strict=True)]
    new: list[NewRecord] = []
    for which, count in step.writes:
        if which < len(streams):
            new += records(streams[which], known[streams[which]] + step.skips, count)
    claims = [Claim("name", f"{run}-{name}", owner, release) for name, owner, release in step.claims]
    receipt = None if step.checks_only else b"receipt of " + step.request
    return entry(reads, new, claims, f"{run}-{step.command}", step.request, receipt)


def _shown(outcome: Appended | BaseException, start: int) -> tuple[object, ...]:
    """What of an outcome is the same in any log that was `start` records long."""
    if isinstance(outcome, Appended):
        return (outcome.position - start, outcome.replayed, outcome.receipt)
    assert isinstance(outcome, LogError), outcome
    details = (
        (outcome.stream, outcome.expected, outcome.actual) if isinstance(outcome, VersionConflict) else str(outcome)
    )
    return (type(outcome), details)


async def _one_by_one(run: str, plan: Sequence[Step]) -> tuple[list[Entry], list[tuple[object, ...]], list[bytes]]:
    memory, entries, outcomes = MemoryEventLog(), [], []
    for step in plan:
        decided = await _decided(step, run, memory)
        (outcome,) = await asyncio.gather(memory.append(decided), return_exceptions=True)
        entries.append(decided)
        outcomes.append(_shown(outcome, 0))
    return entries, outcomes, [logged.record for logged in (await memory.read_log(0, 10_000)).records]


async def _agree(log: PostgresEventLog, plan: Sequence[Step], sizes: Sequence[int]) -> None:
    entries, wanted, wanted_records = await _one_by_one(unique("run"), plan)
    start = (await log.head()).position
    outcomes: list[Appended | BaseException] = []
    while len(outcomes) < len(entries):
        size = sizes[len(outcomes) % len(sizes)]
        batch = entries[len(outcomes) : len(outcomes) + size]
        outcomes += await asyncio.gather(*(log.append(decided) for decided in batch), return_exceptions=True)
    assert [_shown(outcome, start) for outcome in outcomes] == wanted
    assert [logged.record for logged in (await log.read_log(start, 10_000)).records] == wanted_records


fixture_is_shared = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
batch_sizes = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@fixture_is_shared
@given(plan=st.lists(steps, min_size=1, max_size=25), sizes=batch_sizes)
async def test_batches_of_any_size_end_as_one_by_one(
    postgres_log: PostgresEventLog, plan: list[Step], sizes: list[int]
) -> None:
    await _agree(postgres_log, plan, sizes)


@fixture_is_shared
@given(plan=st.lists(plain_steps, min_size=1, max_size=25, unique_by=lambda step: step.command), sizes=batch_sizes)
async def test_batches_in_which_nothing_is_refused_end_as_one_by_one(
    postgres_log: PostgresEventLog, plan: list[Step], sizes: list[int]
) -> None:
    await _agree(postgres_log, plan, sizes)
