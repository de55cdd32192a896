"""What the system itself asks for has ids that no caller can take: nobody can keep a reaction from going on."""

import pytest
from cqrs.admin.v1.events_pb2 import CommandAccepted
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events

from command_service.command import derived_id
from command_service.event_log import Entry
from command_service.memory_event_log import MemoryEventLog
from command_service.worker.inputs import Input, followed, input_of, input_of_timer
from command_service.worker.reaction import entry_id
from runtime.record import Logged
from runtime.refusals import Refused
from runtime.validation import validate
from tests.processes.delivery import delivery
from tests.processes.world import happened, names, records, run_to_the_end, sent


def asks_for(command_id: str) -> commands.CompleteOrderRequest:
    request = commands.CompleteOrderRequest(order_id="o")
    request.context.command_id = command_id
    return request


async def inputs(log: MemoryEventLog) -> list[Input]:
    """Everything that the process manager will react to, as far as it can be told beforehand."""
    process = delivery()
    page = await log.read_log(0, 1000)
    found = [input_of(process, each) for each in (await log.read_log(0, 1000, followed(process))).records]
    timers = [
        input_of_timer(process, timer, Logged(timer.position, page.records[timer.position - 1].record, b""))
        for timer in log.tables.timers.values()
    ]
    return [*(each for each in found if each is not None), *timers]


async def test_no_caller_can_take_the_id_of_a_reaction_or_of_a_command_that_is_sent() -> None:
    log = MemoryEventLog()
    await happened(log, events.OrderCreated(order_id="o"))
    await run_to_the_end(delivery(), log)
    own = [entry_id(delivery(), each) for each in await inputs(log)]
    own += [command.command_id for _, command in await sent(log)]
    assert len(set(own)) == len(own) == 4
    for each in own:
        with pytest.raises(Refused, match="the system's own"):
            validate(asks_for(each))
    validate(asks_for("obverse"))


async def test_a_callers_id_that_looks_like_another_cause_leads_to_other_ids() -> None:
    log = MemoryEventLog()
    cause = await happened(log, events.OrderCreated(order_id="o"))
    ids = {
        derived_id("sent", "test.delivery", cause.id, "0"),
        derived_id("sent", "", f"test.delivery/{cause.id}", "0"),
        derived_id("sent", "", f"test.delivery{cause.id}", "0"),
        derived_id("retry", "test.delivery", cause.id),
        derived_id("reaction", "test.delivery", cause.id),
    }
    assert len(ids) == 5


async def test_commands_whose_ids_look_like_a_reactions_cause_stop_nothing() -> None:
    log = MemoryEventLog()
    cause = await happened(log, events.OrderCreated(order_id="o"))
    for odd in (
        cause.id,
        f"test.delivery/{cause.id}",
        f"reaction/test.delivery/{cause.id}",
        f"test.delivery/{cause.id}/0",
    ):
        await log.append(Entry(odd, b"a caller's", (), receipt=b"done", state=2))
    await run_to_the_end(delivery(), log)
    assert names(await records(log, "test.delivery-o")) == ["FulfilmentStarted", "TimerSet", "TimerSet"]
    ((record, command),) = await sent(log)
    assert isinstance(command, CommandAccepted)
    assert Record.FromString(record.SerializeToString()).stream == f"command-{command.command_id}"
