"""How asynchronous commands are proved: load, faults, heal, settle, and every source asked what has become of it."""

import asyncio
import random
import time
from collections.abc import Sequence

from ops.supervisor import System
from tests.asynchronous import drained, heal, kill
from tests.faults.figures import Figures
from tests.faults.orders import Orders
from tests.faults.transfers import Transfers


async def transferred(system: System, seed: int, parts: Sequence[str], each: int) -> None:
    """Transfers under way while the parts are killed, one after another; between two kills `each` are answered."""
    figures = Figures("transfers", seed)
    load = Transfers(system, f"t{seed}x{time.monotonic_ns() % 1_000_000}")
    async with load.running():
        await load.answered(each)
        for part in parts:
            with figures.recovering():
                await kill(system, part)
                await load.answered(1)
            figures.faults += 1
            await load.answered(each)
        await asyncio.to_thread(heal, system)
        await load.answered(each)
    await drained(system, 60)
    found = await load.faults()
    figures.acked = len(load.acked)
    figures.more = {"refused": len(load.refused), "unsure": len(load.unsure), "sampled": load.sampled}
    figures.more["asked_again"] = dict(load.repeated)
    concluded(figures, found)
    assert load.sampled > 20


async def fulfilled(system: System, seed: int, parts: Sequence[str], each: int) -> None:
    """Orders placed while the parts are killed; between two kills `each` are accepted and a fulfilment ends."""
    figures = Figures("fulfilment", seed)
    chance = random.Random(seed)
    load = Orders(system, f"o{seed}x{time.monotonic_ns() % 1_000_000}")
    async with load.running(0.1):
        await load.answered(each)
        for part in parts:
            with figures.recovering():
                await kill(system, part)
                await load.answered(1)
            figures.faults += 1
            await load.answered(each)
            if chance.random() < 0.3:
                await load.ended(1)
        await asyncio.to_thread(heal, system)
    with figures.recovering():
        await load.settled()
    found = await load.faults()
    figures.acked = len(load.acked)
    figures.more = {"confirmed": load.confirmed, "cancelled": load.cancelled, "mails": load.mails}
    figures.more["mailed_again"] = load.mailed_again
    concluded(figures, found)


def concluded(figures: Figures, found: Sequence[str]) -> None:
    """Nothing is wrong."""
    figures.lost = sum(each.startswith("lost") for each in found)
    figures.duplicated = sum(each.startswith("twice") for each in found)
    assert not found, f"{figures}\n" + "\n".join(each[:500] for each in found[:15])
