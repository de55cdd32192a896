"""An effect between two decisions: its outcome is decided whatever happened meanwhile, and must be one."""

from typing import Any

import pytest
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1.events_pb2 import ItemAddedToCart

from command_service.command import now
from command_service.decider import NEEDS_EFFECT, Context, Decider, Decision, Effect
from command_service.event_log import Entry
from command_service.records import Origin, envelope
from tests.worker.trial import CART, SERVICE, Trial, adding
from tests.worker.world import World, drained, until, working


async def failure(world: World) -> str:
    (failed,) = await world.queue.peek("", 10, failed=True)
    return failed.error


async def test_what_an_effect_has_done_is_decided_also_when_the_expected_version_is_gone_meanwhile() -> None:
    trial = Trial()
    world = World(trial.decider, trial)
    await world.accepted(adding("ada", "first"))
    await drained(world)
    gate = trial.gate("a")
    request = adding("ada", "a", "paid")
    request.context.expected_version = 1
    await world.accepted(request)
    async with working(world.worker()):
        await until(lambda: "a" in trial.begun)
        added = envelope("shop.cart-ada", 2, ItemAddedToCart(item_id="b"), Origin(now(), "", ""))
        await world.log.append(Entry("meanwhile", b"", (), (added,), receipt=b"", state=2))
        gate.set()
        await until(lambda: trial.decided["a"] >= 1)
    assert await world.items("ada") == ["first", "b", "a"]
    assert (await world.outcomes("paid"))[-1] == "CommandSucceeded"


def _needy(outcome: Any) -> Decider:
    """Never satisfied with what its effect gives."""

    async def run(*_: Any) -> Any:
        return outcome

    def decide(command: Any, _context: Context, _items: Any) -> Decision:
        return NEEDS_EFFECT

    effect = Effect("trial", run)
    return Decider(
        SERVICE,
        lambda command, _: ((CART, command.user_id),),
        decide,
        effects={commands.AddItemToCartRequest: effect, commands.RemoveItemFromCartRequest: effect},
    )


@pytest.mark.parametrize("outcome", [None, "done"])
async def test_a_decision_that_is_never_satisfied_with_its_effect_fails(outcome: Any) -> None:
    world = World(_needy(outcome), object())
    await world.accepted(adding("ada", "a", "needy"))
    await drained(world)
    assert await world.outcomes("needy") == ["CommandAccepted", "CommandFailed"]
    assert "effect" in await failure(world)


async def test_a_synchronous_command_whose_decision_needs_an_effect_is_an_error_and_no_success() -> None:
    decider = Decider(SERVICE, lambda command, _: ((CART, command.user_id),), lambda *_: NEEDS_EFFECT)
    world = World(decider, execution="")
    with pytest.raises(TypeError, match="effect"):
        await world.send(adding("ada", "a"))


async def test_a_dry_run_of_a_command_with_an_effect_says_that_it_would_go_on() -> None:
    trial = Trial()
    world = World(trial.decider, trial)
    request = adding("ada", "a")
    request.context.validate_only = True
    await world.send(request)
    assert ((await world.log.head()).position, trial.begun) == (0, [])


async def test_an_effect_that_takes_too_long_is_broken_off_and_tried_again() -> None:
    trial = Trial()
    world = World(trial.decider, trial, "*:first=0.01,longest=0.05,attempts=2,timeout=0.05")
    trial.gate("never")
    (command_id,) = await world.accepted(adding("ada", "never"))
    await drained(world)
    assert trial.begun == ["never", "never"]
    assert (await world.outcomes(command_id))[-1] == "CommandFailed"
    assert "Timed out" in await failure(world)
