"""A worker can be told to process so many messages, and tells what becomes of each."""

import asyncio

import pytest
from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.commands_pb2 import RemoveItemFromCartRequest

from command_service.decider import Retry
from command_service.domains.shop.cart import CARTS
from command_service.worker.arguments import Arguments, UnknownChannel, parse
from command_service.worker.worker import Worker
from tests.worker.trial import Trial, adding, removing
from tests.worker.world import World, drained, executed


async def ended_by_itself(worker: Worker) -> None:
    """Run a worker that nobody stops."""
    await asyncio.wait_for(worker.run(asyncio.get_running_loop().create_future(), 1), 10)


# promise 001-34
@pytest.mark.parametrize(("concurrency", "limit"), [(1, 3), (16, 3), (2, 7), (16, 30)])
async def test_exactly_as_many_messages_are_processed_as_were_asked_for(concurrency: int, limit: int) -> None:
    trial = Trial()
    world = World(trial.decider, trial, f"*:concurrency={concurrency},first=0.01")
    await world.accepted(
        *(adding(f"u{n}", f"a{n}") for n in range(20)), *(removing(f"u{n}", f"r{n}") for n in range(20))
    )
    worker = world.worker(limit=limit)
    await ended_by_itself(worker)
    assert sum(executed(worker).values()) == len(trial.decided) == len(trial.begun) == limit
    assert await world.open() == 40 - limit
    assert {each.state for each in await world.queue.peek("", 100)} == {"ready"}


async def test_the_limit_is_waited_for_when_there_is_less_to_do() -> None:
    trial = Trial()
    world = World(trial.decider, trial)
    working = asyncio.create_task(ended_by_itself(world.worker(limit=2)))
    await world.accepted(adding("ada", "a"))
    assert not working.done()
    await world.accepted(removing("bob", "b"))
    await working
    assert trial.decided == {"a": 1, "b": 1}


async def test_a_refused_a_failed_and_a_put_off_command_are_processed_messages_too() -> None:
    trial = Trial()
    world = World(trial.decider, trial, "*:first=60")
    trial.trouble["later"] = [Retry("away")]
    await world.accepted(
        adding("a", "refused"), adding("b", "broken"), adding("c", "later"), adding("d", "not reached")
    )
    await ended_by_itself(world.worker(limit=3))
    assert {(each.stream, each.state) for each in await world.queue.peek("", 9)} == {
        ("shop.cart-c", "waiting"),
        ("shop.cart-d", "ready"),
    }


# promise 001-35
async def test_it_tells_of_each_message_what_happens_to_it_and_why_it_stopped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World(CARTS)
    request = adding("ada", "a")
    request.price.CopyFrom(Money(minor_units=1, currency_code="EUR"))
    nothing_there = RemoveItemFromCartRequest(user_id="bob", item_id="b")
    await world.accepted(request, nothing_there)
    capsys.readouterr()
    await ended_by_itself(world.worker(channels=["adding"], limit=1, verbose=True))
    lines = [line.split("] ", 1)[1].rstrip() for line in capsys.readouterr().out.splitlines()]
    words = ["received AddItemToCartRequest", "handled by command_service.domains.shop.cart.decide"]
    words += ["appended ItemAddedToCart", "handled successfully"]
    words += ['stopping worker "adding"', "stopped due to maximum count of 1 messages processed"]
    assert len(lines) == len(words)
    for line, expected in zip(lines, words, strict=True):
        assert line.startswith(expected), line
    await ended_by_itself(world.worker(channels=["removing"], limit=1, verbose=True))
    assert "appended no event" in capsys.readouterr().out


async def test_it_tells_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    trial = Trial()
    world = World(trial.decider, trial)
    trial.trouble["later"] = [Retry("the provider is away")]
    await world.accepted(adding("a", "refused"), adding("b", "broken"), adding("c", "later"))
    await drained(world, world.worker(verbose=True))
    said = capsys.readouterr().out
    for words in ("refused: No more items", "failed: RuntimeError: a fault of ours", "s: the provider is away"):
        assert words in said
    assert "stopped because it was told to" in said


def test_the_command_line_says_what_to_work_on() -> None:
    assert parse([]) == Arguments((), None, False, True)
    assert parse(["--channel", "a", "--channel", "b", "-v"]) == Arguments(("a", "b"), None, True, False)
    assert parse(["--limit", "3"]) == Arguments((), 3, False, False)
    assert parse(["--no-processes"]) == Arguments((), None, False, False)
    assert parse([]).chosen(["a", "b"]) == ("a", "b")
    assert parse(["--channel", "b", "--channel", "b"]).chosen(["a", "b"]) == ("b",)


def test_an_unknown_channel_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(UnknownChannel, match='channel "c"; the channels are: a, b'):
        parse(["--channel", "c", "--channel", "a"]).chosen(["a", "b"])


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", ""])
def test_a_limit_is_a_whole_number_from_one(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([f"--limit={limit}"])
    assert ended.value.code == 2
    assert "is not a whole number from 1" in capsys.readouterr().err


def test_help_says_what_each_option_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in ("SIGTERM lets the commands in hand end", "process exactly N messages", "OBVERSE_POSTGRES_DSN"):
        assert words in said
