"""Entries leave in the order they came, one batch at a time, and no more of them wait than there is room for."""

import asyncio
from collections.abc import Sequence

import pytest

from command_service.event_log import Appended, Entry, LogOverloaded
from command_service.postgres.group_commit import GroupCommit
from tests.ports.entries import adding, unique


class Gate:
    """Takes batches, and answers each when it is let through."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.taken = asyncio.Event()
        self.open = asyncio.Event()

    async def send(self, entries: Sequence[Entry]) -> Sequence[Appended | Exception]:
        self.batches.append([entry.command_id for entry in entries])
        self.taken.set()
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        await self.open.wait()
        self.under_way -= 1
        return [Appended("epoch", 1, replayed=False, receipt=entry.receipt) for entry in entries]


def _entries(count: int) -> list[Entry]:
    return [adding(unique(), 0, command_id=f"{number}") for number in range(count)]


async def test_what_comes_while_a_batch_is_under_way_goes_together_in_the_next() -> None:
    gate = Gate()
    commits = GroupCommit(gate.send)
    entries = _entries(10)
    futures = [commits.append(entries[0])]
    await gate.taken.wait()
    futures += [commits.append(entry) for entry in entries[1:]]
    gate.open.set()
    await asyncio.gather(*futures)
    assert gate.batches == [["0"], [str(number) for number in range(1, 10)]]
    assert gate.most_under_way == 1


async def test_a_lone_caller_never_waits_for_company() -> None:
    gate = Gate()
    gate.open.set()
    commits = GroupCommit(gate.send)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for entry in _entries(200):
        await commits.append(entry)
    assert len(gate.batches) == 200
    assert loop.time() - started < 0.2


async def test_callers_that_come_back_in_pieces_are_gathered_again() -> None:
    gate = Gate()
    gate.open.set()
    commits = GroupCommit(gate.send)

    async def call(number: int) -> None:
        for turn in range(20):
            for _ in range(number % 4):
                await asyncio.sleep(0)
            await commits.append(adding(unique(), 0, command_id=f"{number} {turn}"))

    await asyncio.gather(*(call(number) for number in range(32)))
    assert sum(map(len, gate.batches)) == 640
    assert len(gate.batches) <= 40


# promise 000-34
async def test_more_than_fits_is_refused_at_once_and_what_waits_is_served() -> None:
    gate = Gate()
    commits = GroupCommit(gate.send, most_entries=5)
    futures = [commits.append(entry) for entry in _entries(8)]
    for late in futures[5:]:
        with pytest.raises(LogOverloaded):
            await late
    gate.open.set()
    assert len(await asyncio.gather(*futures[:5])) == 5
    assert await commits.append(adding(unique(), 0))


# promise 000-34
async def test_large_entries_are_bounded_by_their_bytes() -> None:
    gate = Gate()
    gate.open.set()
    commits = GroupCommit(gate.send, most_bytes=2_000)
    outcomes = await asyncio.gather(
        *(commits.append(adding(unique(), 0, 10)) for _ in range(3)), return_exceptions=True
    )
    assert [isinstance(outcome, LogOverloaded) for outcome in outcomes] == [False, True, True]


async def test_a_batch_that_fails_whole_fails_each_of_its_callers_and_not_the_next() -> None:
    fails = [True]

    async def send(entries: Sequence[Entry]) -> Sequence[Appended | Exception]:
        if fails.pop():
            raise ValueError("no batch")
        return [Appended("epoch", 1, replayed=False, receipt=None) for _ in entries]

    commits = GroupCommit(send)
    outcomes = await asyncio.gather(*(commits.append(entry) for entry in _entries(3)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no batch"] * 3
    fails.append(False)
    assert await commits.append(adding(unique(), 0))


async def test_draining_serves_everyone_who_waits() -> None:
    gate = Gate()
    commits = GroupCommit(gate.send)
    futures = [commits.append(entry) for entry in _entries(3)]
    draining = asyncio.create_task(commits.drain())
    gate.open.set()
    await draining
    assert all(future.done() for future in futures)
