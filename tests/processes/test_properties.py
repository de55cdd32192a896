"""Whatever comes twice, to two runners at once, or on a crash at any step: the outcome is that of one clean run."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused
from cqrs.shop.v1 import events_pb2 as events
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from command_service.event_log import NewRecord
from command_service.memory_event_log import MemoryEventLog
from command_service.process import Process
from command_service.records import envelope
from command_service.worker import processes
from runtime.ending import ended
from tests.processes.delivery import delivery
from tests.processes.world import ForgetfulStore, UnsteadyLog, append, origin, outcome, run_to_the_end, runner

LONG_AGO = Timestamp(seconds=1_600_000_000)
NEVER_SECONDS = 1e10
EVENTS = (events.OrderCreated, events.OrderShipped, events.OrderCancelled, CommandRefused, CommandFailed)


@dataclass(frozen=True)
class Crash:
    """A run that ends after so many steps, then one that has forgotten how far it came."""

    steps: int
    remembers: int
    runners: int


happenings = st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(["a", "b", "c"])), max_size=12)
crashes = st.lists(st.builds(Crash, st.integers(0, 120), st.integers(0, 60), st.integers(1, 2)), min_size=1, max_size=6)


def event_of(kind: Any, order_id: str) -> Message:
    if kind in (CommandRefused, CommandFailed):
        return kind(process="test.delivery", process_instance=order_id, command_id="x")  # type: ignore[no-any-return]
    return kind(order_id=order_id)  # type: ignore[no-any-return]


def history(kinds: list[tuple[Any, str]]) -> list[NewRecord]:
    """The records once, for every log that is to begin with them."""
    found: list[NewRecord] = []
    versions: dict[str, int] = {}
    for kind, order_id in kinds:
        stream = f"shop.order-{order_id}"
        versions[stream] = versions.get(stream, 0) + 1
        found.append(envelope(stream, versions[stream], event_of(kind, order_id), origin(time=LONG_AGO)))
    return found


async def interrupted(process: Process, log: MemoryEventLog, crash: Crash) -> None:
    """Runners that are stopped wherever they are after so many steps."""
    store = ForgetfulStore(log, crash.remembers)
    tasks = [asyncio.create_task(runner(process, log, store).run()) for _ in range(crash.runners)]
    for _ in range(crash.steps):
        await asyncio.sleep(0)
    for task in tasks:
        await ended(task)


async def compared(records: list[NewRecord], crashes: list[Crash], process: Process, page: int) -> None:
    clean, troubled = MemoryEventLog(), UnsteadyLog()
    for new in records:
        await append(clean, new)
        await append(troubled, new)
    await run_to_the_end(process, clean)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "PAGE", page)
        for crash in crashes:
            await interrupted(process, troubled, crash)
        await run_to_the_end(process, troubled)
    assert await outcome(troubled) == await outcome(clean)
    assert troubled.tables.timers.keys() == clean.tables.timers.keys()
    assert len(troubled.tables.commands) == len(clean.tables.commands)


# promise 001-10
@settings(max_examples=150, deadline=None)
@given(happenings, crashes, st.sampled_from([1.0, NEVER_SECONDS]), st.integers(1, 5))
def test_any_interleaving_of_crashes_and_deliveries_comes_to_one_clean_run(
    kinds: list[tuple[Any, str]], crashes: list[Crash], ship_seconds: float, page: int
) -> None:
    """Its timers are all due, or none is."""
    asyncio.run(compared(history(kinds), crashes, delivery(ship_seconds), page))


@pytest.mark.parametrize("remembers", [0, 100])
async def test_a_crash_at_every_single_step_changes_nothing(remembers: int) -> None:
    kinds = [(events.OrderShipped, "a"), (events.OrderCreated, "a"), (events.OrderCreated, "b")]
    records = history([*kinds, (events.OrderShipped, "b"), (CommandRefused, "a")])
    for steps in range(60):
        await compared(records, [Crash(steps, remembers, 1)], delivery(1.0), 2)
