"""Workers in processes of their own, over a real Postgres: limits, kills, pauses, drains, a store that goes away."""

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

import grpc  # noqa: F401 # its fork handlers are set up before any process starts
from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest

from ops.supervisor import ROOT
from tests.running import until
from tests.worker.conftest import Place

PRICE = Money(minor_units=100, currency_code="EUR")


def adding(user: str, number: int) -> AddItemToCartRequest:
    return AddItemToCartRequest(user_id=user, item_id=f"item-{number}", quantity=1, price=PRICE)


async def run_worker(place: Place, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A worker to its end."""
    command = [sys.executable, "-m", "command_service.worker", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=place.environ, capture_output=True, text=True, timeout=60, check=False
    )


async def idle(place: Place) -> bool:
    return await place.world.open() == 0


async def assert_executed_once(place: Place, ids: list[str], users: list[str], each: int) -> None:
    """Every command has one outcome, and every cart what was put into it, in order."""
    for command_id in ids:
        assert await place.world.outcomes(command_id) == ["CommandAccepted", "CommandSucceeded"]
    for user in users:
        assert await place.world.items(user) == [f"item-{number}" for number in range(each)]


# promise 001-34, 001-35
async def test_a_worker_processes_exactly_as_many_as_it_is_told_and_says_what_it_did(place: Place) -> None:
    await place.world.accepted(*(adding(f"user-{number}", number) for number in range(5)))
    ran = await run_worker(place, "--channel", "orders", "--limit", "3", "-v")
    assert (ran.returncode, ran.stderr) == (0, "")
    for words in (
        "received AddItemToCartRequest",
        "handled by command_service.domains.shop.cart.decide",
        "appended ItemAddedToCart",
        "handled successfully",
    ):
        assert ran.stdout.count(words) == 3
    *_, stopping, why = ran.stdout.splitlines()
    assert stopping.endswith('stopping worker "orders"')
    assert why.endswith("stopped due to maximum count of 3 messages processed")
    assert {each.state for each in await place.world.queue.peek("orders", 9)} == {"ready"}
    assert await place.world.open() == 2


async def test_a_worker_that_cannot_start_says_why(place: Place) -> None:
    ran = await run_worker(place, "--channel", "nowhere")
    assert ran.returncode == 2
    assert 'No command can wait on channel "nowhere"; the channels are: ' in ran.stderr
    assert "orders" in ran.stderr
    assert "Traceback" not in ran.stderr


# promise 000-16, 000-27, 000-30
async def test_killed_and_paused_workers_lose_nothing_and_repeat_nothing(place: Place) -> None:
    users = [f"user-{number}" for number in range(10)]
    ids = await place.world.accepted(*(adding(user, number) for number in range(40) for user in users))
    first, paused = place.start(), place.start()

    async def fewer(most: int) -> bool:
        return await place.world.open() <= most

    await until(lambda: fewer(350))
    first.kill()
    await until(lambda: fewer(250))
    os.kill(paused.pid, signal.SIGSTOP)
    last = place.start()
    await until(lambda: fewer(50), 30)
    os.kill(paused.pid, signal.SIGCONT)
    await until(lambda: idle(place), 30)
    await assert_executed_once(place, ids, users, 40)
    assert status(last)["state"] == "RUNNING"


async def test_a_worker_that_is_told_to_stop_ends_what_it_has_in_hand(place: Place) -> None:
    await place.world.accepted(*(adding("ada", number) for number in range(200)))
    worker = place.start()

    async def begun() -> bool:
        return bool(await place.world.items("ada"))

    await until(begun)
    await asyncio.to_thread(worker.stop)
    said = worker.log.read_text()
    assert "stopped because it was told to" in said
    waiting = await place.world.queue.peek("orders", 500)
    assert {(each.state, each.attempts) for each in waiting} <= {("ready", 0)}
    assert len(waiting) + len(await place.world.items("ada")) == 200


# promise 000-22
async def test_a_store_that_goes_away_is_waited_for(place: Place) -> None:
    users = ["ada", "bob"]
    ids = await place.world.accepted(*(adding(user, number) for number in range(100) for user in users))
    worker = place.start()

    async def some() -> bool:
        return await place.world.open() < 180

    await until(some)
    await asyncio.to_thread(place.postgres.kill)

    async def says(state: str) -> bool:
        return str(status(worker)["state"]) == state

    await until(lambda: says("STORE_AWAY"))
    await asyncio.to_thread(place.postgres.start)
    await until(lambda: says("RUNNING"))

    async def done() -> bool:
        try:
            return await idle(place)
        except Exception:  # noqa: BLE001 # this connection is being made anew too
            return False

    await until(done, 30)
    await assert_executed_once(place, ids, users, 100)


def status(worker: Any) -> dict[str, Any]:
    """What a worker says of itself."""
    return worker.status() or {"state": "silent"}
