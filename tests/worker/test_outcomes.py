"""An accepted command is carried out once, through the same path, and ends as it would have ended at once."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from cqrs.common.v1.common_pb2 import COMMAND_STATE_ACCEPTED, Money
from cqrs.shop.v1 import commands_pb2 as commands
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.catalogue import Catalogue
from command_service.decider import Retry
from command_service.domains.shop.cart import CARTS
from command_service.work import LONGEST_TEXT
from tests.worker.trial import Trial, adding, removing
from tests.worker.world import World, drained, executed, until, working


def trial_world(channels: str = "*:first=0.01,longest=0.05,attempts=4") -> tuple[Trial, World]:
    trial = Trial()
    return trial, World(trial.decider, trial, channels)


def real(user: str = "user-ü€") -> list[Any]:
    """Commands on a real cart: some succeed, one is refused, one changes nothing."""
    price = Money(minor_units=1999, currency_code="EUR")
    time_then = commands.AddItemToCartRequest().context
    time_then.command_time.CopyFrom(Timestamp(seconds=1_600_000_000, nanos=123_000_000))
    return [
        commands.AddItemToCartRequest(context=time_then, user_id=user, item_id="日本", quantity=3, price=price),
        commands.AddItemToCartRequest(user_id=user, item_id="b", quantity=1_000_000, price=price),
        commands.AddItemToCartRequest(user_id=user, item_id="b", quantity=1, price=price),
        commands.RemoveItemFromCartRequest(user_id=user, item_id="not there"),
        commands.RemoveItemFromCartRequest(user_id=user, item_id="日本", price=price),
    ]


# promise 000-11, 000-17, 000-23, 000-24
async def test_one_line_makes_a_command_asynchronous_and_nothing_else_changes() -> None:
    both = World(CARTS, execution="cqrs.shop.v1.CartCommandService.ClearCart=async:carts"), World(CARTS)
    happened = []
    for world in both:
        for request in real():
            try:
                await world.send(request)
            except Exception as refusal:  # noqa: BLE001 # only one of the two worlds tells its caller
                assert "cannot be greater" in str(refusal)  # noqa: PT017
        await drained(world)
        happened.append(await world.events("shop.cart-user-ü€"))
    assert happened[0] == happened[1]
    assert len(happened[0]) == 3


# promise 000-12, 000-14, 000-15
async def test_what_is_accepted_waits_on_its_channel_and_changes_nothing_until_it_is_carried_out() -> None:
    trial, world = trial_world()
    began = time.monotonic()
    answer = await world.send(adding("ada", "a"))
    assert time.monotonic() - began < 0.1
    assert (answer.receipt.state, answer.receipt.channel) == (COMMAND_STATE_ACCEPTED, "adding")
    assert answer.receipt.token.position == 1
    assert await world.items("ada") == []
    assert {each.channel: each.ready for each in await world.queue.counts()} == {"adding": 1}
    assert trial.begun == []


# promise 000-18, 000-19
async def test_a_command_is_executed_once_and_gone_from_its_queue() -> None:
    trial, world = trial_world()
    request = adding("ada", "a", "command-of-ada")
    ids = await world.accepted(request, request)
    assert ids == ["command-of-ada"] * 2
    worker = world.worker()
    await drained(world, worker)
    assert (await world.items("ada"), trial.decided) == (["a"], {"a": 1})
    assert await world.outcomes("command-of-ada") == ["CommandAccepted", "CommandSucceeded"]
    assert await world.state(request) == "SUCCEEDED"
    assert executed(worker) == {"adding": 1, "removing": 0, "shop": 0}
    assert await world.open() == 0


async def test_a_refusal_is_final_at_once_and_kept_with_its_reason() -> None:
    trial, world = trial_world()
    request = adding("ada", "refused", "refused-command")
    await world.accepted(request)
    await drained(world)
    (_, outcome) = await world.events("command-refused-command")
    assert (outcome.refusal.reason, outcome.refusal.text) == ("TOO_MANY_ITEMS", "No more items")  # type: ignore[attr-defined]
    assert (trial.decided["refused"], await world.state(request), await world.items("ada")) == (1, "REFUSED", [])


# promise 000-21
async def test_a_fault_makes_a_failed_command_at_once_and_the_handler_is_called_once() -> None:
    trial, world = trial_world()
    request = adding("ada", "broken", "broken-command")
    await world.accepted(request)
    await drained(world)
    assert trial.decided["broken"] == 1
    assert await world.state(request) == "FAILED"
    (failed,) = await world.queue.peek("adding", 10, failed=True)
    assert (failed.command_id, failed.attempts, failed.error) == ("broken-command", 1, "RuntimeError: a fault of ours")


# promise 000-20, 000-22
async def test_what_met_a_transient_failure_is_tried_again_and_ends_as_if_it_had_never_failed() -> None:
    trial, world = trial_world()
    trial.trouble["a"] = [Retry("the provider is away"), TimeoutError("no answer"), Retry("still away")]
    request = adding("ada", "a", "patient")
    await world.accepted(request)
    await drained(world)
    assert (trial.begun, trial.decided["a"]) == (["a"] * 4, 1)
    (_, outcome) = await world.events("command-patient")
    assert outcome.attempts == 4  # type: ignore[attr-defined]
    assert (await world.items("ada"), await world.state(request)) == (["a"], "SUCCEEDED")
    assert {each.channel: each.retried_total for each in await world.queue.counts()}["adding"] == 3


# promise 000-22
async def test_attempts_are_bounded_and_what_is_left_is_a_failed_command() -> None:
    trial, world = trial_world()
    trial.trouble["a"] = [Retry(f"away {number}") for number in range(9)]
    request = adding("ada", "a", "hopeless")
    await world.accepted(request)
    await drained(world)
    assert (len(trial.begun), await world.state(request)) == (4, "FAILED")
    (failed,) = await world.queue.peek("adding", 10, failed=True)
    assert (failed.attempts, failed.error) == (4, "away 3")


@pytest.mark.parametrize("make", [Retry, RuntimeError], ids=["transient", "fault"])
async def test_an_error_of_whatever_characters_is_kept(make: Callable[[str], Exception]) -> None:
    trial, world = trial_world("*:first=0.01,attempts=2")
    trial.trouble["a"] = [make("\0 \ud800 " + "ß" * 5000)] * 2
    await world.accepted(adding("ada", "a", "odd"))
    await drained(world)
    (failed,) = await world.queue.peek("adding", 10, failed=True)
    assert "\N{REPLACEMENT CHARACTER} ? ßß" in failed.error
    assert len(failed.error) <= LONGEST_TEXT


async def test_a_command_without_an_adapter_for_its_effect_fails_and_says_so() -> None:
    world = World(Trial().decider)
    await world.accepted(adding("ada", "a"))
    await drained(world)
    (failed,) = await world.queue.peek("", 10, failed=True)
    assert "No adapter for the port 'trial'" in failed.error


# promise 000-20, 001-53
async def test_commands_of_an_aggregate_keep_their_order_also_while_one_waits_for_another_attempt() -> None:
    trial, world = trial_world()
    trial.trouble["a1"] = [Retry("away")] * 3
    trial.trouble["a3"] = [Retry("away")]
    await world.accepted(*(adding("ada", f"a{number}") for number in range(6)), adding("bob", "b1"))
    await drained(world, world.worker(), world.worker())
    assert await world.items("ada") == [f"a{number}" for number in range(6)]
    assert trial.begun.index("b1") < trial.begun.index("a2")


async def test_a_failed_command_lets_the_later_ones_of_its_aggregate_go_on() -> None:
    trial, world = trial_world()
    trial.trouble["a1"] = [Retry("away")] * 9
    await world.accepted(adding("ada", "a0"), adding("ada", "a1"), adding("ada", "a2"))
    await drained(world)
    assert await world.items("ada") == ["a0", "a2"]


# promise 000-31
async def test_a_channel_whose_commands_hang_does_not_delay_another() -> None:
    trial, world = trial_world("adding:concurrency=3")
    gates = {f"slow{number}": trial.gate(f"slow{number}") for number in range(6)}
    await world.accepted(*(adding(item, item) for item in gates), *(removing(f"u{n}", f"f{n}") for n in range(40)))
    async with working(world.worker()):
        await until(lambda: sum(trial.decided[f"f{n}"] for n in range(40)) == 40)
        assert [item for item in trial.begun if item in gates] == ["slow0", "slow1", "slow2"]
        for gate in gates.values():
            gate.set()
        await until(lambda: all(trial.decided[item] for item in gates))
    assert trial.most_under_way <= 3 + 16


async def test_a_command_that_kills_its_worker_every_time_becomes_a_failed_one_without_being_run_again() -> None:
    trial, world = trial_world("*:attempts=3,first=0.01")
    request = adding("ada", "a", "deadly")
    await world.accepted(request)
    for _ in range(3):
        await world.queue.claim("adding", 1, "a worker that dies", 0.0)
    await drained(world)
    (failed,) = await world.queue.peek("adding", 10, failed=True)
    assert (trial.begun, await world.state(request)) == ([], "FAILED")
    assert failed.error.startswith("None of 3 attempts came to an end")


async def test_a_command_that_this_version_does_not_know_fails_and_is_kept() -> None:
    _, world = trial_world()
    await world.accepted(adding("ada", "a", "unknown"))
    world.catalogue = Catalogue((), ())
    await drained(world, world.worker(channels=["adding"]))
    (failed,) = await world.queue.peek("adding", 10, failed=True)
    assert failed.error == "No handler for cqrs.shop.v1.CartCommandService.AddItemToCart in this version"
