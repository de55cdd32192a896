"""Several workers side by side: nothing is shared but the queue, and what one loses, another takes up."""

import asyncio
from collections.abc import Sequence

import pytest

from command_service.decider import Retry
from command_service.event_log import Appended, Entry, LogOverloaded, LogUnavailable
from command_service.work_queue import Claimed
from tests.worker.clock import Clock
from tests.worker.trial import Trial, adding, removing
from tests.worker.world import QUICKLY, World, drained, executed, until, working


def trial_world(channels: str = QUICKLY) -> tuple[Trial, World]:
    trial = Trial()
    return trial, World(trial.decider, trial, channels)


# promise 000-27, 000-30
async def test_two_workers_share_a_channel_and_every_command_is_executed_once() -> None:
    trial, world = trial_world("adding:concurrency=4")
    ids = await world.accepted(*(adding(f"user-{number}", f"i{number}") for number in range(200)))
    workers = world.worker(), world.worker()
    await drained(world, *workers)
    assert trial.decided == {f"i{number}": 1 for number in range(200)}
    for command_id in ids:
        assert await world.outcomes(command_id) == ["CommandAccepted", "CommandSucceeded"]
    shares = [executed(worker)["adding"] for worker in workers]
    assert sum(shares) == 200
    assert min(shares) > 20


# promise 000-29
async def test_a_fast_worker_takes_what_a_slow_one_has_no_hands_for() -> None:
    trial, world = trial_world("adding:concurrency=2")
    slow = world.worker()
    gates = [trial.gate("s0"), trial.gate("s1")]
    await world.accepted(adding("s0", "s0"), adding("s1", "s1"))
    async with working(slow):
        await until(lambda: len(trial.begun) == 2)
        await world.accepted(*(adding(f"u{number}", f"i{number}") for number in range(50)))
        fast = world.worker()
        async with working(fast):
            await until(lambda: executed(fast)["adding"] == 50)
        assert executed(slow)["adding"] == 0
        for gate in gates:
            gate.set()
    assert (await world.open(), executed(slow)["adding"]) == (0, 2)


async def test_a_worker_whose_lease_is_lost_changes_nothing_any_more(capsys: pytest.CaptureFixture[str]) -> None:
    trial, clock = Trial(), Clock()
    world = World(trial.decider, trial, now=clock)
    gate = trial.gate("a")
    await world.accepted(adding("ada", "a", "contested"))
    paused, other = world.worker(lease_seconds=0.5), world.worker()
    async with working(paused):
        await until(lambda: trial.begun == ["a"])
        clock.forward(31)  # as for a worker that was stopped and woken
        trial.gates.clear()
        async with working(other):
            await until(lambda: executed(other)["adding"] == 1)
        await until(lambda: "a lease is lost" in capsys.readouterr().out)
        gate.set()
    assert trial.begun == ["a", "a"]
    assert await world.items("ada") == ["a"]
    assert await world.outcomes("contested") == ["CommandAccepted", "CommandSucceeded"]
    assert "handled before" in capsys.readouterr().out


async def test_leases_are_renewed_for_as_long_as_a_command_takes() -> None:
    trial, world = trial_world()
    gate = trial.gate("a")
    await world.accepted(adding("ada", "a"))
    other = world.worker()
    async with working(world.worker(lease_seconds=0.1), other):
        await until(lambda: trial.begun == ["a"])
        began = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() > began + 0.5)
        gate.set()
        await until(lambda: trial.decided["a"])
    assert trial.begun == ["a"]


# promise 000-16
async def test_a_worker_that_dies_at_any_line_repeats_nothing_visible() -> None:
    for dies_at in range(1, 4):
        _, world = trial_world()
        ids = await world.accepted(*(adding("ada", f"i{number}") for number in range(3)))
        store = Store(world, LogUnavailable("dead"), dies_at)
        worker = world.worker(log=store, queue=store, lease_seconds=0.05)  # type: ignore[arg-type]
        running = asyncio.create_task(worker.run(asyncio.Event().wait(), 0))  # type: ignore[arg-type]
        await until(store.is_away)
        running.cancel()
        await asyncio.wait((running,))
        await drained(world)
        assert await world.items("ada") == ["i0", "i1", "i2"]
        for command_id in ids:
            assert await world.outcomes(command_id) == ["CommandAccepted", "CommandSucceeded"]


async def test_a_drain_lets_commands_in_hand_end() -> None:
    trial, world = trial_world()
    gate = trial.gate("a")
    await world.accepted(adding("ada", "a"), adding("ada", "b"))
    async with working(world.worker()) as told:
        await until(lambda: trial.begun == ["a"])
        told.set()
        for _ in range(20):
            await asyncio.sleep(0)
        gate.set()
    assert await world.items("ada") == ["a"]
    assert trial.begun == ["a"]


async def test_a_drain_gives_back_what_takes_too_long_and_counts_no_attempt(capsys: pytest.CaptureFixture[str]) -> None:
    trial, world = trial_world()
    trial.gate("a")
    await world.accepted(adding("ada", "a", "slow"), adding("bob", "b"))
    async with working(world.worker(), drain_seconds=0.05):
        await until(lambda: trial.decided["b"])
    (waiting,) = await world.queue.peek("adding", 10)
    assert (waiting.state, waiting.attempts) == ("ready", 0)
    assert "commands in hand were given back" in capsys.readouterr().out
    trial.gates.clear()
    await drained(world)
    (_, outcome) = await world.events("command-slow")
    assert outcome.attempts == 1  # type: ignore[attr-defined]


# promise 000-16, 000-22
@pytest.mark.parametrize("error", [LogUnavailable("connection refused"), LogOverloaded("too much waits")])
async def test_a_store_that_is_away_is_waited_for_and_costs_no_attempt(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    trial, world = trial_world("*:attempts=1")
    store = Store(world, error)
    trial.gate("a")
    await world.accepted(adding("ada", "a", "first"), removing("bob", "b", "second"))
    trial.gate("b")
    async with working(world.worker(log=store, queue=store)):  # type: ignore[arg-type]
        await until(lambda: sorted(trial.begun) == ["a", "b"])
        store.away = True
        trial.gates["a"].set()
        trial.gates["b"].set()
        await until(lambda: store.refused > 6)
        await world.accepted(adding("eve", "c", "third"))
        store.away = False
        await until(lambda: all(trial.decided[item] for item in "abc"))
    said = capsys.readouterr().out
    assert said.count("the store is away") == said.count("the store answers again") == 1
    for command_id in ("first", "second", "third"):
        (_, outcome) = await world.events(f"command-{command_id}")
        assert outcome.attempts == 1  # type: ignore[attr-defined]


async def test_what_somebody_else_took_over_while_the_store_was_away_is_left_to_them() -> None:
    trial, world = trial_world()
    store = Store(world, LogUnavailable("gone"))
    gate = trial.gate("a")
    await world.accepted(adding("ada", "a", "taken"))
    cut_off, other = world.worker(log=store, queue=store, lease_seconds=0.05), world.worker()  # type: ignore[arg-type]
    async with working(cut_off):
        await until(lambda: trial.begun == ["a"])
        store.away = True
        gate.set()
        async with working(other):
            await until(lambda: executed(other)["adding"] == 1)
        store.away = False
    assert (executed(cut_off)["adding"], await world.items("ada")) == (0, ["a"])
    assert await world.outcomes("taken") == ["CommandAccepted", "CommandSucceeded"]


async def test_a_put_off_command_is_tried_as_soon_as_it_is_due() -> None:
    trial, world = trial_world("*:first=0.2,attempts=2")
    trial.trouble["a"] = [Retry("away")]
    await world.accepted(adding("ada", "a"))
    began = asyncio.get_running_loop().time()
    await drained(world)
    assert 0.15 <= asyncio.get_running_loop().time() - began < 1


class Store:
    """The log and the queue of a worker whose connection to them breaks."""

    def __init__(self, world: World, error: Exception, dies_at: int = 0) -> None:
        """It breaks for good with the append of that number, which is made but never answered."""
        self._world, self._error, self._left = world, error, dies_at
        self.away = False
        self.refused = 0

    def is_away(self) -> bool:
        return self.away

    def _check(self) -> None:
        if self.away:
            self.refused += 1
            raise self._error

    def append(self, entry: Entry) -> "asyncio.Future[Appended]":
        if self.away:
            self.refused += 1
            failed: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
            failed.set_exception(type(self._error)("away"))
            return failed
        self._left -= 1
        if self._left == 0:
            self.away = True
            self._world.log.append(entry)
            return asyncio.get_running_loop().create_future()
        return self._world.log.append(entry)

    async def read_stream(self, *arguments: int) -> object:
        self._check()
        return await self._world.log.read_stream(*arguments)  # type: ignore[arg-type]

    async def claim(self, channel: str, most: int, worker: str, lease_seconds: float) -> Sequence[Claimed]:
        self._check()
        return await self._world.queue.claim(channel, most, worker, lease_seconds)

    async def renew(self, claims: Sequence[Claimed], lease_seconds: float) -> frozenset[str]:
        self._check()
        return await self._world.queue.renew(claims, lease_seconds)

    async def put_off(self, claim: Claimed, seconds: float, error: str) -> None:
        self._check()
        await self._world.queue.put_off(claim, seconds, error)

    async def give_back(self, claims: Sequence[Claimed]) -> None:
        self._check()
        await self._world.queue.give_back(claims)

    async def next_due(self, channels: Sequence[str]) -> float | None:
        self._check()
        return await self._world.queue.next_due(channels)

    async def wait(self, seconds: float) -> None:
        await self._world.queue.wait(seconds)
