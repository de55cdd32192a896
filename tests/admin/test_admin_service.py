"""What an operator does with failed commands, channels and scheduled commands: decided, recorded, carried out."""

import math
import time
from typing import Any

import pytest
from cqrs.admin.v1 import commands_pb2 as admin
from cqrs.admin.v1 import events_pb2 as events
from cqrs.common.v1.common_pb2 import COMMAND_STATE_ACCEPTED, COMMAND_STATE_REFUSED
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code

from command_service.admin.queues import Queues, quantile
from command_service.admin.service import DESCRIPTOR, CommandAdminService
from command_service.decider import Retry
from runtime.call import Call
from runtime.refusals import Refused
from tests.worker.trial import Trial, adding, removing
from tests.worker.world import World, drained, until, working


class Office:
    """An operator at a world whose commands do as the test says."""

    def __init__(self, channels: str = "*:first=0.01,longest=0.05,attempts=2") -> None:
        self.trial = Trial()
        self.world = World(self.trial.decider, self.trial, channels)
        queues = Queues(self.world.queue, self.world.catalogue.channels)
        handler = self.world.handler(self.world.log)
        self._handlers = CommandAdminService(handler, self.world.catalogue, self.world.queue, queues).handlers()

    async def told(self, request: Any) -> Any:
        """The answer to an operator's request."""
        name = request.DESCRIPTOR.name.removesuffix("Request")
        return await self._handlers[name](request, Call(f"{DESCRIPTOR.full_name}.{name}", "message", math.inf, ""))

    async def refused(self, request: Any) -> tuple[str, str]:
        """(code, reason) of a request that must be refused."""
        with pytest.raises(Refused) as caught:
            await self.told(request)
        return Code.Name(caught.value.code), caught.value.reason

    async def queue(self, channel: str) -> Any:
        return (await self.told(admin.GetQueueRequest(channel=channel))).queue

    async def failed(self, *items: str) -> list[str]:
        """Ids of commands that used up their attempts, one for each item."""
        for item in items:
            self.trial.trouble[item] += [Retry("away"), Retry("away")]
        ids = await self.world.accepted(*(adding(item, item) for item in items))
        await drained(self.world)
        return ids


# promise 001-49
async def test_a_failed_command_is_kept_whole_and_carried_out_when_it_is_retried() -> None:
    office = Office()
    (command_id,) = await office.failed("a")
    (kept,) = (await office.told(admin.PeekQueueRequest(channel="adding", failed=True))).commands
    assert (kept.command_id, kept.state, kept.attempts, kept.error) == (command_id, "failed", 2, "away")
    await office.told(admin.RetryFailedCommandRequest(command_id=command_id))
    assert (await office.queue("adding")).ready == 1
    assert await office.world.state(adding("a", "a", command_id)) == "ACCEPTED"
    await drained(office.world)
    assert await office.world.items("a") == ["a"]
    assert await office.world.outcomes(command_id) == [
        *("CommandAccepted", "CommandFailed", "FailedCommandRetried", "CommandSucceeded"),
    ]
    assert await office.refused(admin.RetryFailedCommandRequest(command_id=command_id)) == (
        *("FAILED_PRECONDITION", "COMMAND_NOT_FAILED"),
    )


async def test_many_failed_commands_are_retried_by_channel_and_type() -> None:
    office = Office()
    await office.failed("a", "b", "c")
    assert (await office.told(admin.RetryFailedCommandsRequest(channel="removing"))).retried == 0
    assert (await office.told(admin.RetryFailedCommandsRequest(type="RemoveItemFromCartRequest"))).retried == 0
    answer = await office.told(admin.RetryFailedCommandsRequest(type="AddItemToCartRequest"))
    assert answer.retried == 3
    assert answer.receipt.token.position == (await office.world.log.head()).position
    await drained(office.world)
    assert [await office.world.items(each) for each in "abc"] == [["a"], ["b"], ["c"]]


async def test_a_discarded_command_is_given_up_for_a_reason_that_is_kept() -> None:
    office = Office()
    (command_id,) = await office.failed("a")
    discard = admin.DiscardFailedCommandRequest(command_id=command_id, reason="nobody wants it")
    await office.told(discard)
    await office.told(discard)
    last = (await office.world.events(f"command-{command_id}"))[-1]
    assert last == events.FailedCommandDiscarded(
        command_id=command_id, channel="adding", type="cqrs.shop.v1.AddItemToCartRequest", reason="nobody wants it"
    )
    assert (await office.queue("adding")).failed == 0
    assert await office.world.state(adding("a", "a", command_id)) == "FAILED"
    assert (await office.refused(admin.RetryFailedCommandRequest(command_id=command_id)))[1] == "COMMAND_NOT_FAILED"
    discard.reason = "another"
    assert (await office.refused(discard))[1] == "COMMAND_NOT_FAILED"


@pytest.mark.parametrize(
    "request_",
    [
        admin.RetryFailedCommandRequest(command_id="x"),
        admin.DiscardFailedCommandRequest(command_id="x", reason="y"),
        admin.CancelScheduledCommandRequest(command_id="x"),
    ],
    ids=lambda request: request.DESCRIPTOR.name,
)
async def test_a_command_that_was_never_accepted_is_not_found(request_: Message) -> None:
    assert await Office().refused(request_) == ("NOT_FOUND", "COMMAND_NOT_FOUND")


async def test_a_channel_that_nobody_names_is_not_found() -> None:
    office = Office()
    for request in (admin.PauseChannelRequest, admin.ResumeChannelRequest, admin.GetQueueRequest):
        assert await office.refused(request(channel="nowhere")) == ("NOT_FOUND", "CHANNEL_NOT_FOUND")


async def test_a_paused_channel_accepts_and_waits_while_another_goes_on() -> None:
    office = Office()
    pause = admin.PauseChannelRequest(channel="adding", reason="stocktaking")
    await office.told(pause)
    await office.told(pause)
    await office.world.accepted(adding("ada", "a"), removing("bob", "b"))
    async with working(office.world.worker()):
        await until(lambda: office.trial.decided["b"] == 1)
        queue = await office.queue("adding")
        assert (queue.ready, queue.paused, queue.pause_reason) == (1, True, "stocktaking")
        assert office.trial.decided["a"] == 0
        await office.told(admin.ResumeChannelRequest(channel="adding"))
        await until(lambda: office.trial.decided["a"] == 1)
    await office.told(admin.ResumeChannelRequest(channel="adding"))
    recorded = [type(each).__name__ for each in await office.world.events("channel-adding")]
    assert recorded == ["ChannelPaused", "ChannelResumed"]


def _schedule(item: str, seconds: float, command_id: str = "") -> admin.ScheduleCommandRequest:
    request = admin.ScheduleCommandRequest()
    request.context.command_id = command_id
    command = adding("ada", item)
    command.price.currency_code = "EUR"
    request.command.Pack(command)
    request.due_time.FromNanoseconds(int((time.time() + seconds) * 1e9))
    return request


async def test_a_scheduled_command_is_carried_out_when_it_is_due_and_holds_nothing_back() -> None:
    office = Office()
    began = time.monotonic()
    answer = await office.told(_schedule("later", 0.5, "plan-1"))
    assert (answer.receipt.command_id, answer.receipt.state) == ("plan-1", COMMAND_STATE_ACCEPTED)
    assert (await office.queue("adding")).scheduled == 1
    await office.world.accepted(adding("ada", "now"))
    await drained(office.world)
    assert await office.world.items("ada") == ["now", "later"]
    assert 0.4 <= time.monotonic() - began < 1.5


async def test_scheduling_again_has_no_second_effect_and_another_time_is_another_request() -> None:
    office = Office()
    request = _schedule("a", 60, "plan-1")
    await office.told(request)
    assert (await office.told(request)).receipt.replayed
    request.due_time.seconds += 1
    assert await office.refused(request) == ("ALREADY_EXISTS", "COMMAND_ID_REUSED")


async def test_a_scheduled_command_is_called_off_before_it_is_due() -> None:
    office = Office()
    await office.told(_schedule("a", 60, "plan-1"))
    cancel = admin.CancelScheduledCommandRequest(command_id="plan-1")
    await office.told(cancel)
    await office.told(cancel)
    assert (await office.queue("adding")).total == 0
    again = await office.told(_schedule("a", 60, "plan-2"))
    assert not again.receipt.replayed
    (due_now,) = await office.world.accepted(adding("bob", "b"))
    assert (await office.refused(admin.CancelScheduledCommandRequest(command_id=due_now)))[1] == "COMMAND_NOT_SCHEDULED"


async def test_a_caller_who_repeats_a_cancelled_schedule_is_told_that_it_was_refused() -> None:
    office = Office()
    request = _schedule("a", 60, "plan-1")
    await office.told(request)
    await office.told(admin.CancelScheduledCommandRequest(command_id="plan-1"))
    assert (await office.told(request)).receipt.state == COMMAND_STATE_REFUSED


async def test_what_cannot_be_scheduled_is_refused_and_changes_nothing() -> None:
    office = Office()
    no_command = admin.ScheduleCommandRequest()
    no_command.command.Pack(admin.ListQueuesRequest())
    assert (await office.refused(no_command))[1] == "NOT_A_COMMAND"
    assert (await office.refused(_schedule("a", 400 * 24 * 3600)))[1] == "TOO_FAR_AHEAD"
    empty = _schedule("a", 60)
    empty.command.Pack(adding("", "a"))
    assert await office.refused(empty) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    with_context = _schedule("a", 60)
    with_context.command.Pack(adding("ada", "a", "own-id"))
    assert (await office.refused(with_context))[1] == "INVALID_REQUEST"
    assert (await office.world.log.head()).position == 0


# promise 000-32, 000-33
async def test_queues_show_what_waits_what_became_of_it_and_how_long_it_took_also_when_nothing_ever_came() -> None:
    office = Office()
    empty = (await office.told(admin.ListQueuesRequest())).queues
    assert [(queue.channel, queue.total) for queue in empty] == [("adding", 0), ("removing", 0), ("shop", 0)]
    await office.failed("a")
    await office.world.accepted(adding("bob", "b"), adding("eve", "refused"))
    await drained(office.world)
    await office.world.accepted(adding("joe", "c"))
    queue = await office.queue("adding")
    assert (queue.ready, queue.failed, queue.total) == (1, 1, 2)
    assert (queue.accepted_total, queue.succeeded_total, queue.refused_total, queue.failed_total) == (4, 1, 1, 1)
    assert queue.retried_total == 1
    assert queue.HasField("oldest_age")
    assert queue.HasField("run_time_p50")
    assert queue.accepted_per_second > 0
    (waits,) = (await office.told(admin.PeekQueueRequest(channel="adding"))).commands
    assert (waits.state, waits.type, waits.stream) == ("ready", "cqrs.shop.v1.AddItemToCartRequest", "shop.cart-joe")


# promise 000-34
async def test_a_full_channel_refuses_with_the_time_to_wait_and_other_channels_do_not_suffer() -> None:
    office = Office("adding:backlog=2")
    await office.world.accepted(adding("ada", "a"), adding("ada", "b"))
    with pytest.raises(Refused) as caught:
        await office.world.send(adding("ada", "c", "third"))
    assert (Code.Name(caught.value.code), caught.value.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    assert caught.value.retry_seconds
    await office.world.accepted(removing("ada", "a"))
    await drained(office.world)
    assert (await office.world.send(adding("ada", "c", "third"))).receipt.state == COMMAND_STATE_ACCEPTED


def test_quantiles_of_a_histogram() -> None:
    counted = [(10, 98), (20, 1), (50, 1)]
    assert (quantile(counted, 0.5), quantile(counted, 0.99), quantile(counted, 1.0)) == (10, 20, 50)
