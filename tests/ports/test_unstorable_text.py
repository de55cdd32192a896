"""An id with a character that Postgres does not take is its sender's fault, and nobody else's."""

import asyncio
import math
from typing import Any

import pytest
from cqrs.admin.v1 import commands_pb2 as admin

from command_service.admin.queues import Queues
from command_service.admin.service import DESCRIPTOR, CommandAdminService
from command_service.event_log import Appended, Unstorable
from command_service.postgres.event_log import PostgresEventLog, open_event_log
from command_service.postgres.work_queue import open_work_queue
from ops.embedded import EmbeddedPostgres
from runtime.call import Call
from runtime.refusals import Refused
from tests.ports.work import acceptance, new
from tests.worker.trial import SERVICE, Trial, adding, removing
from tests.worker.world import World


async def test_an_entry_that_cannot_be_stored_says_so_and_its_neighbours_are_stored(
    postgres_log: PostgresEventLog,
) -> None:
    entries = [acceptance(new("orders"), stream) for stream in (new("t.thing"), "t.thing-\0", new("t.thing"))]
    before, faulty, after = await asyncio.gather(*map(postgres_log.append, entries), return_exceptions=True)
    assert isinstance(faulty, Unstorable)
    assert isinstance(before, Appended)
    assert isinstance(after, Appended)
    with pytest.raises(Unstorable):
        await postgres_log.read_stream("t.thing-\0")


async def test_a_command_about_an_id_that_cannot_be_stored_is_refused_as_a_faulty_request(
    migrated: EmbeddedPostgres,
) -> None:
    address = migrated.dsn("obverse_service")
    async with open_event_log(address) as log, open_work_queue(address) as queue:
        execution = f"{SERVICE}.AddItemToCart=async:orders;{SERVICE}.RemoveItemFromCart=async:orders"
        world = World.on(log, queue, Trial().decider, execution)
        queues = Queues(queue, world.catalogue.channels)
        operator = CommandAdminService(world.handler(log), world.catalogue, queue, queues).handlers()

        async def told(request: Any) -> None:
            name = request.DESCRIPTOR.name.removesuffix("Request")
            await operator[name](request, Call(f"{DESCRIPTOR.full_name}.{name}", "message", math.inf, ""))

        looked_at = removing("\0", "a")
        looked_at.context.validate_only = True
        for refused in (
            told(admin.RetryFailedCommandRequest(command_id="\0")),
            told(admin.CancelScheduledCommandRequest(command_id="ü\0")),
            world.send(adding("ada\0", "a")),
            world.send(looked_at),
        ):
            with pytest.raises(Refused) as caught:
                await refused
            assert caught.value.reason == "INVALID_REQUEST"
