"""How asynchronous commands are proved: load, faults, heal, settle, and every source asked what has become of it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import asyncpg
import nats
import redis
from cqrs.admin.v1.commands_pb2 import PauseChannelRequest, ResumeChannelRequest
from cqrs.bank.v1.events_pb2 import TransferPartiesNotified

from ops.supervisor import System
from tests.asynchronous import History, calling, drained, heal, kill
from tests.asynchronous_mail import slow_mail
from tests.bank.messages import deposit, open_account, transfer
from tests.faults.burst import Burst
from tests.faults.figures import Figures
from tests.faults.orders import TOKENS, Orders
from tests.faults.transfers import Transfers
from tests.running import one_more


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


async def fulfilled(system: System, seed: int, parts: Sequence[str], each: int, patience: float = 0) -> None:
    """Orders placed while the parts are killed; between two kills `each` are accepted, and now and then, where
    `patience` says so, half of all have been fulfilled."""
    figures = Figures("fulfilment", seed)
    chance = random.Random(seed)
    load = Orders(system, f"o{seed}x{time.monotonic_ns() % 1_000_000}")
    async with load.running(0.15):
        await load.answered(each)
        for part in parts:
            with figures.recovering():
                await kill(system, part)
                await load.answered(1)
            figures.faults += 1
            await load.answered(each)
            if chance.random() < patience:
                await load.half_ended()
        await asyncio.to_thread(heal, system)
    began = time.monotonic()
    await load.settled()
    settled = f"{time.monotonic() - began:.1f}s"
    found = await load.faults()
    figures.acked = len(load.acked)
    figures.more = {
        "settled_after": settled,
        "confirmed": load.confirmed,
        "cancelled": load.cancelled,
        "mails": load.mails,
    }
    figures.more["mailed_again"] = load.mailed_again
    concluded(figures, found)


def concluded(figures: Figures, found: Sequence[str]) -> None:
    """Nothing is wrong."""
    figures.lost = sum(each.startswith("lost") for each in found)
    figures.duplicated = sum(each.startswith("twice") for each in found)
    assert not found, f"{figures}\n" + "\n".join(each[:500] for each in found[:15])


async def burst(system: System, seed: int, count: int, limit: int | None = None) -> None:
    """So many commands accepted while their channel stands still, then executed; past the limit none is accepted."""
    figures = Figures(f"burst of {count}", seed)
    load = Burst(system, figures, f"b{seed}x{time.monotonic_ns() % 1_000_000}", count)
    await load.run(limit)
    concluded(figures, await load.faults())


async def forgotten(system: System, seed: int, orders: int, tokens: tuple[str, ...] = TOKENS) -> None:
    """Views, stream and the process managers' checkpoints lost while orders are fulfilled: nothing is sent twice."""
    figures = Figures("views, stream and checkpoints lost", seed)
    chance = random.Random(seed)
    load = Orders(system, f"f{seed}x{time.monotonic_ns() % 1_000_000}", tokens=tokens)
    losses = [lose_views, lose_stream, lose_checkpoints, lose_checkpoints]
    chance.shuffle(losses)
    await load.register()
    await load.place(orders)
    for lose in losses:
        await lose(system)
        figures.faults += 1
        await load.place(orders)
        await load.half_ended()
    await asyncio.to_thread(heal, system)
    await load.settled()
    await lose_checkpoints(system)  # once more, when all has been done
    figures.faults += 1
    await load.place(1)
    await load.settled()
    found = await load.faults()
    figures.acked = len(load.acked)
    figures.more = {"confirmed": load.confirmed, "cancelled": load.cancelled, "mails": load.mails}
    concluded(figures, found)


async def lose_views(system: System) -> None:
    """FLUSHALL."""
    with redis.Redis.from_url(system.valkey.url) as client:
        client.flushall()


async def lose_stream(system: System) -> None:
    """Delete the stream with the rights of an administrator."""
    connection = await nats.connect(system.nats.url)
    with suppress(nats.js.errors.NotFoundError):
        await connection.jetstream().delete_stream("LOG")
    await connection.close()


async def lose_checkpoints(system: System) -> None:
    """A superuser empties their table, and the worker that remembers is killed: it begins at the log's first record."""
    await asyncio.to_thread(system.kill, "worker", stay_down=True)
    connection = await asyncpg.connect(system.postgres.dsn("postgres"))
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("TRUNCATE obverse.process_checkpoints")
    finally:
        await connection.close()
    await asyncio.to_thread(system.start_one, "worker")


async def shared(system: System, seed: int, transfers: int, counts: Sequence[int], seconds: float) -> dict[int, float]:
    """How long the notices of so many transfers take with so many workers, at two mails of `seconds` each."""
    took: dict[int, float] = {}
    system.stop_one("worker")
    for count in counts:
        figures = Figures(f"{count} workers", seed)
        ids = await _waiting_notices(system, f"w{count}x{time.monotonic_ns() % 1_000_000}", transfers)
        async with slow_mail(seconds) as mail, calling(system) as callers:
            environ = {"OBVERSE_SMTP_URL": mail.url, "OBVERSE_CHANNELS": "bank.notify:concurrency=4"}
            with ExitStack() as stack:
                workers = [
                    stack.enter_context(await asyncio.to_thread(one_more, system, "worker", environ))
                    for _ in range(count)
                ]
                await callers.admin.ResumeChannel(ResumeChannelRequest(channel="bank.notify"))
                began = time.monotonic()
                await drained(system, 60, "bank.notify")
                took[count] = time.monotonic() - began
                await drained(system)
                shares = [_executed(await asyncio.to_thread(worker.status)) for worker in workers]
            history = await History(system.command_address).read()
            found = [f"twice: {each} was sent {times} times" for each, times in mail.taken.items() if times > 1]
            noticed = Counter(each.transfer_id for each in history.of(TransferPartiesNotified))
            found += [f"lost: {each} has {noticed[each]} notices" for each in ids if noticed[each] != 1]
            found += [] if len(mail.taken) == 2 * transfers else [f"lost: {len(mail.taken)} mails of {2 * transfers}"]
            figures.acked, figures.more = len(ids), {"seconds": round(took[count], 2), "shares": shares}
            concluded(figures, [*found, *history.repeated()])
            assert all(shares), "a worker got nothing to do"
    return took


async def _waiting_notices(system: System, name: str, count: int) -> list[str]:
    ids = [f"{name}-{number}" for number in range(count)]
    async with calling(system) as callers:
        await callers.admin.PauseChannel(PauseChannelRequest(channel="bank.notify"))
        for account in (f"{name}-a", f"{name}-b"):
            await callers.accounts.OpenAccount(open_account(account, email=f"{account}@example.org"))
        await callers.accounts.Deposit(deposit(f"{name}-a", 1_000_000))
        await asyncio.gather(
            *(callers.transfers.TransferMoney(transfer(f"{name}-a", f"{name}-b", 100, each)) for each in ids)
        )
    return ids


def _executed(status: Mapping[str, Any] | None) -> int:
    assert status
    return next(int(each["executed"]) for each in status["channels"] if each["name"] == "bank.notify")
