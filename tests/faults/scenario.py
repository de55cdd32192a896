"""How a fault is proved harmless: load, faults while it runs, heal, settle, check; and a line for the table."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import nats
import psutil
import redis

from ops.supervisor import System
from tests.checker import faults_in_views, read_log, read_views
from tests.faults.load import Load
from tests.running import faults, settled

PARTS = ("postgres", "nats", "valkey", "command_service", "relay", "projector", "query_service")
HEAL_SECONDS = 20.0


@dataclass
class Outcome:
    """A line of the table."""

    scenario: str
    seed: int
    injected: int = 0
    acked: int = 0
    unknown: int = 0
    read: int = 0
    lost: int = 0
    doubled: int = 0
    recovery_seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    COLUMNS = "| scenario | seed | faults | acked | unknown | read back | lost | duplicated | recovery s |"

    def row(self) -> str:
        """The line."""
        counts = (self.scenario, self.seed, self.injected, self.acked, self.unknown, self.read, self.lost, self.doubled)
        return "| " + " | ".join(map(str, counts)) + f" | {self.recovery_seconds:.1f} |"


class Faults:
    """What may be done to a system while it is under load; each takes its chances from the scenario's seed."""

    def __init__(self, system: System, chance: random.Random, outcome: Outcome, load: Load) -> None:
        self.system, self.chance, self.load = system, chance, load
        self._outcome = outcome

    async def some_traffic(self, least: int = 20, most: int = 150) -> None:
        """Let between `least` and `most` commands be answered."""
        await self.load.answered(self.chance.randint(least, most))

    async def kill(self, name: str) -> None:
        """SIGKILL; it comes back as soon as it can."""
        self._outcome.injected += 1
        await asyncio.to_thread(self.system.kill, name, stay_down=True)
        await asyncio.to_thread(self.system.start_one, name)

    async def flush(self) -> None:
        """FLUSHALL."""
        self._outcome.injected += 1
        with redis.Redis.from_url(self.system.valkey.url) as client:
            client.flushall()

    async def delete_stream(self) -> None:
        """Delete the stream with the rights of an administrator."""
        self._outcome.injected += 1
        connection = await nats.connect(self.system.nats.url)
        with suppress(nats.js.errors.NotFoundError):
            await connection.jetstream().delete_stream("LOG")
        await connection.close()

    async def pause(self, pid: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """SIGSTOP, something else meanwhile, SIGCONT."""
        self._outcome.injected += 1
        process = psutil.Process(pid)
        process.suspend()
        try:
            await meanwhile()
        finally:
            process.resume()

    async def roll_back(self) -> None:
        """Give the store of views everything back as it was some traffic ago."""
        older = await asyncio.to_thread(_dumped, self.system.valkey.url)
        await self.some_traffic()
        self._outcome.injected += 1
        await asyncio.to_thread(_restore, self.system.valkey.url, older)

    async def look(self) -> None:
        """At this very moment each view must be the fold of the log up to its checkpoint."""
        with suppress(redis.RedisError):
            views = read_views(self.system.valkey.url)
            log = await read_log(self.system.command_address)
            self._outcome.wrong += [f"at a moment: {fault}" for fault in faults_in_views(log, views, at_head=False)]


def _dumped(url: str) -> dict[bytes, bytes]:
    script = (
        "local out = {} for _, key in ipairs(redis.call('KEYS', '*')) do"
        " out[#out + 1] = key out[#out + 1] = redis.call('DUMP', key) end return out"
    )
    with redis.Redis.from_url(url) as client:
        flat = client.eval(script, 0)
        return dict(zip(flat[::2], flat[1::2], strict=True))


def _restore(url: str, older: dict[bytes, bytes]) -> None:
    with redis.Redis.from_url(url) as client, client.pipeline(transaction=True) as pipeline:
        pipeline.flushall()
        for key, content in older.items():
            pipeline.restore(key, 0, content)
        pipeline.execute()


@asynccontextmanager
async def under_load(system: System, scenario: str, seed: int, callers: int = 6) -> AsyncIterator[Faults]:
    """Faults may be injected in the block; at its end everything is healed, settled and checked."""
    outcome = Outcome(scenario, seed)
    load = Load(system.command_address, system.query_address, f"{scenario.replace(' ', '-')}.{seed}")
    async with load.running(callers):
        await load.answered(30)
        yield Faults(system, random.Random(f"{scenario} {seed}"), outcome, load)
        healed = time.monotonic()
        await asyncio.to_thread(heal, system)
        await load.answered(30)
        await settled_reads(load)
        outcome.recovery_seconds = time.monotonic() - healed
    await settled(system, HEAL_SECONDS)
    found = await faults(system, load.acked, load.unknown)
    outcome.acked, outcome.unknown, outcome.read = len(load.acked), len(load.unknown), load.read
    outcome.lost = sum(fault.startswith("lost") for fault in found)
    outcome.doubled = sum(fault.startswith(("twice", "command ")) for fault in found)
    outcome.wrong += [*load.wrong, *found]
    OUTCOMES.append(outcome)
    if found:
        # What follows in this session begins with right views again.
        with redis.Redis.from_url(system.valkey.url) as client:
            client.flushall()
    assert not outcome.wrong, f"seed {seed}: " + "\n".join(line[:500] for line in outcome.wrong[:10])


OUTCOMES: list[Outcome] = []
"""Of this session; the table at its end."""


def heal(system: System) -> None:
    """Start what is down and wait until it says that it is healthy."""
    for name in PARTS:
        system.start_one(name)
    for name in PARTS[3:]:
        system.wait_healthy(name, HEAL_SECONDS)


async def settled_reads(load: Load) -> None:
    """Writes can be read back again."""
    goal = load.read + 5
    async with asyncio.timeout(HEAL_SECONDS):
        while load.read < goal:  # noqa: ASYNC110  # the readers need no event for it
            await asyncio.sleep(0.02)
