"""Whatever workers do between them (claim, crash, pause, come late, get a command twice): one clean run's outcome."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from command_service.decider import Retry
from command_service.work_queue import Claimed
from command_service.worker.attempts import Attempts
from command_service.worker.leases import Leases
from command_service.worker.outage import Outage
from command_service.worker.report import Report
from tests.worker.clock import Clock
from tests.worker.trial import Trial, adding
from tests.worker.world import World

LEASE_SECONDS = 30.0
WORKERS = 3
KINDS = ("fine", "flaky", "refused", "broken")

sent = st.lists(st.tuples(st.sampled_from(("ada", "bob")), st.sampled_from(KINDS)), min_size=1, max_size=6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.integers(0, WORKERS - 1)),
        st.tuples(st.just("release"), st.integers(0, 20)),
        st.tuples(st.just("crash"), st.integers(0, WORKERS - 1)),
        st.tuples(st.just("pass time"), st.sampled_from((1, 29, 31))),
        st.tuples(st.just("send again"), st.integers(0, 20)),
        st.tuples(st.just("deliver twice"), st.integers(0, 20)),
    ),
    max_size=40,
)


@dataclass
class Run:
    """Commands that were accepted, and workers that are at them."""

    commands: Sequence[tuple[str, str]]
    trial: Trial = field(default_factory=Trial)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.world = World(self.trial.decider, self.trial, "*:attempts=1000,first=1,longest=1", now=self.clock)
        self.requests: list[Any] = []
        for number, (user, kind) in enumerate(self.commands):
            item = f"{kind}-{number}"
            self.requests.append(adding(user, item, f"c{number}"))
            self.trial.gate(item)
            if kind == "flaky":
                self.trial.trouble[item] = [Retry("away"), TimeoutError("late")]
        self.workers = [self.attempts() for _ in range(WORKERS)]
        self.tasks: list[list[asyncio.Task[Any]]] = [[] for _ in range(WORKERS)]
        self.claims: list[Claimed] = []

    def attempts(self) -> Attempts:
        """A worker of its own, that claims when it is told to."""
        world, outage = self.world, Outage()
        leases = Leases(world.queue, LEASE_SECONDS, outage)
        report = Report(world.catalogue)
        return Attempts(world.queue, world.executor(world.log), world.policies, leases, outage, report)

    async def step(self, what: str, which: int) -> None:
        """Something happens."""
        match what:
            case "claim":
                for claim in await self.world.queue.claim("adding", 2, f"worker {which}", LEASE_SECONDS):
                    self.begin(which, claim)
            case "release":
                gates = list(self.trial.gates.values())
                gate = gates[which % len(gates)]
                gate.set()
                await settle()
                gate.clear()
            case "crash":
                await self.crash(which)
            case "pass time":
                self.clock.forward(which)
            case "send again":
                await self.world.send(self.requests[which % len(self.requests)])
            case "deliver twice" if self.claims:
                self.begin(which % WORKERS, self.claims[which % len(self.claims)])
        await settle()

    def begin(self, worker: int, claim: Claimed) -> None:
        self.claims.append(claim)
        self.tasks[worker].append(asyncio.create_task(self.workers[worker].make(claim)))

    async def crash(self, worker: int) -> None:
        """All that it was at ends where it is; nothing is given back. Another takes its place."""
        for task in self.tasks[worker]:
            task.cancel()
        for ended in await asyncio.gather(*self.tasks[worker], return_exceptions=True):
            assert ended is None or not isinstance(ended, Exception), ended
        self.tasks[worker], self.workers[worker] = [], self.attempts()

    async def finish(self) -> None:
        """Let whoever is at something end it, then one worker do the rest."""
        for gate in self.trial.gates.values():
            gate.set()
        for tasks in self.tasks:
            await asyncio.gather(*tasks)
        while await self.world.open():
            self.clock.forward(LEASE_SECONDS + 1)
            for claim in await self.world.queue.claim("adding", 1, "the last", LEASE_SECONDS):
                await self.workers[0].make(claim)

    async def outcome(self) -> dict[str, list[str]]:
        """What everybody sees in the end: each cart, each command's records, each command's state."""
        seen = {user: await self.world.items(user) for user in ("ada", "bob")}
        for request in self.requests:
            command_id = request.context.command_id
            seen[command_id] = [*await self.world.outcomes(command_id), await self.world.state(request)]
        return seen


async def settle() -> None:
    """Let every task go as far as it can by itself."""
    for _ in range(30):
        await asyncio.sleep(0)


async def outcome_of(commands: Sequence[tuple[str, str]], happens: Sequence[tuple[str, int]]) -> dict[str, list[str]]:
    run = Run(commands)
    await run.world.accepted(*run.requests)
    for what, which in happens:
        await run.step(what, which)
    await run.finish()
    return await run.outcome()


# promise 000-16, 000-19, 000-20, 000-27
@settings(max_examples=150, deadline=None)
@given(sent, steps)
def test_any_interleaving_has_the_outcome_of_one_clean_run(
    commands: list[tuple[str, str]], happens: list[tuple[str, int]]
) -> None:
    clean = asyncio.run(outcome_of(commands, ()))
    assert asyncio.run(outcome_of(commands, happens)) == clean
    for number, (user, kind) in enumerate(commands):
        assert (f"{kind}-{number}" in clean[user]) == (kind in ("fine", "flaky"))
        assert len(clean[f"c{number}"]) == 3  # accepted, its one outcome, its state
