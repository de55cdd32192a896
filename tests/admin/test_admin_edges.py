"""What an operator asks for at the edges: dry runs, thousands of failed commands, ids and times that cannot be."""

import math
from typing import Any

import pytest
from cqrs.admin.v1 import commands_pb2 as admin
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.admin import retrying
from command_service.admin.queues import Queues
from command_service.admin.service import DESCRIPTOR
from command_service.decider import Retry
from runtime.call import Call
from runtime.record import Logged
from runtime.refusals import Refused
from runtime.validation import validate
from tests.admin.test_admin_service import Office, _schedule
from tests.worker.trial import adding, removing
from tests.worker.world import drained


async def last_record(office: Office, stream: str) -> Record:
    logged: Logged = (await office.world.log.read_stream(stream))[-1]
    return Record.FromString(logged.record)


async def test_a_dry_run_of_a_schedule_accepts_nothing() -> None:
    office = Office()
    request = _schedule("a", 60, "plan-1")
    request.context.validate_only = True
    await office.told(request)
    assert (await office.world.log.head()).position == 0
    request.context.validate_only = False
    assert not (await office.told(request)).receipt.replayed


async def test_a_dry_run_of_many_retries_counts_and_retries_nothing() -> None:
    office = Office()
    await office.failed("a", "b")
    before = (await office.world.log.head()).position
    request = admin.RetryFailedCommandsRequest()
    request.context.validate_only = True
    assert (await office.told(request)).retried == 2
    assert (await office.world.log.head()).position == before


async def test_who_retries_many_stands_in_each_of_their_records() -> None:
    office = Office()
    (command_id,) = await office.failed("a")
    name = "RetryFailedCommands"
    call = Call(f"{DESCRIPTOR.full_name}.{name}", "message", math.inf, "", "ann")
    await office._handlers[name](admin.RetryFailedCommandsRequest(), call)
    assert (await last_record(office, f"command-{command_id}")).actor == "ann"


async def test_retrying_many_finds_its_type_behind_any_number_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "MOST_AT_ONCE", 2)
    office = Office()
    await office.failed("a", "b", "c", "d", "e")
    office.trial.trouble["z"] += [Retry("away"), Retry("away")]
    await office.world.accepted(removing("z", "z"))
    await drained(office.world)
    answer = await office.told(admin.RetryFailedCommandsRequest(type="RemoveItemFromCartRequest"))
    assert answer.retried == 1
    assert (await office.told(admin.RetryFailedCommandsRequest())).retried == 5


async def test_repeating_many_retries_counts_only_what_is_open_again() -> None:
    office = Office()
    await office.failed("a")
    request = admin.RetryFailedCommandsRequest()
    request.context.command_id = "again"
    assert (await office.told(request)).retried == 1
    office.trial.trouble["a"] += [Retry("away"), Retry("away")]
    await drained(office.world)
    assert (await office.told(request)).retried == 0
    assert (await office.queue("adding")).failed == 1


@pytest.mark.parametrize("seconds", [-(10**12), 10**12, -62_135_596_801, 253_402_300_800, -(2**63), 2**63 - 1])
async def test_a_time_that_no_calendar_has_is_refused(seconds: int) -> None:
    office = Office()
    request = _schedule("a", 60)
    request.due_time.CopyFrom(Timestamp(seconds=seconds))

    async def entered() -> None:
        validate(request)
        await office.told(request)

    with pytest.raises(Refused):
        await entered()
    assert (await office.world.log.head()).position == 0


async def test_a_time_long_past_is_now() -> None:
    office = Office()
    request = _schedule("a", 60)
    request.due_time.CopyFrom(Timestamp(seconds=-62_135_596_800))
    await office.told(request)
    await drained(office.world)
    assert await office.world.items("ada") == ["a"]


async def test_a_schedule_with_a_version_that_is_not_there_is_refused_when_it_is_due() -> None:
    office = Office()
    request: Any = _schedule("a", 0, "plan-1")
    request.context.expected_version = 3
    await office.told(request)
    await drained(office.world)
    assert await office.world.outcomes("plan-1") == ["CommandAccepted", "CommandRefused"]
    (refused,) = [each for each in await office.world.events("command-plan-1") if hasattr(each, "refusal")]
    assert (refused.refusal.reason, refused.refusal.domain) == ("VERSION_MISMATCH", "cqrs.common.v1")


async def test_what_is_remembered_of_queues_does_not_grow_with_how_often_they_are_asked_for() -> None:
    office = Office()
    queues = Queues(office.world.queue, ["adding"])
    await office.world.accepted(adding("ada", "a"))
    for _ in range(200):
        await queues.all()
    assert len(queues._samples) < 5
    await office.world.accepted(adding("ada", "b"))
    (queue,) = await queues.all()
    assert (queue.ready, queue.accepted_total) == (2, 2)
    assert queue.accepted_per_second > 0
