"""Step 8: what one record makes of one command's view."""

from typing import assert_never

from cqrs.admin.v1 import events_pb2 as events
from cqrs.admin.v1.views_pb2 import CommandView
from cqrs.common.v1.common_pb2 import (
    COMMAND_STATE_ACCEPTED,
    COMMAND_STATE_FAILED,
    COMMAND_STATE_REFUSED,
    COMMAND_STATE_SUCCEEDED,
)
from google.rpc.code_pb2 import FAILED_PRECONDITION

from projector.projection import Fact

CommandChange = (
    events.CommandSucceeded
    | events.CommandRefused
    | events.CommandFailed
    | events.FailedCommandRetried
    | events.FailedCommandDiscarded
    | events.ScheduledCommandCancelled
)
CommandEvent = events.CommandAccepted | CommandChange

CALLED_OFF = events.Refusal(
    code=FAILED_PRECONDITION,
    reason="SCHEDULE_CANCELLED",
    domain="cqrs.admin.v1",
    text="The scheduled command was called off before it was due",
)
"""Why a command that was called off was not carried out."""


def accept(event: events.CommandAccepted, fact: Fact) -> CommandView:
    """The view of a command that waits."""
    record = fact.record
    return CommandView(
        command_id=event.command_id,
        state=COMMAND_STATE_ACCEPTED,
        channel=event.channel,
        rpc=event.rpc,
        type=event.type,
        stream=event.stream,
        request=event.request,
        correlation_id=record.correlation_id,
        causation_id=record.causation_id,
        accept_time=record.time,
        due_time=event.due_time if event.HasField("due_time") else None,
        process=event.process,
        process_instance=event.process_instance,
        version=record.version,
        accept_position=fact.position,
    )


def change(before: CommandView, event: CommandChange, fact: Fact) -> CommandView:
    """The view after an outcome or an operator's decision; `before` stays as it is."""
    command = CommandView()
    command.CopyFrom(before)
    _change(command, event, fact)
    command.version = fact.record.version
    command.outcome_time.CopyFrom(fact.record.time)
    return command


def _change(command: CommandView, event: CommandChange, fact: Fact) -> None:
    match event:
        case events.CommandSucceeded():
            _ended(command, event)
            command.state = COMMAND_STATE_SUCCEEDED
            command.receipt.CopyFrom(event.receipt)
            command.receipt.token.epoch, command.receipt.token.position = fact.epoch, fact.position
        case events.CommandRefused():
            _ended(command, event)
            command.state = COMMAND_STATE_REFUSED
            command.refusal.CopyFrom(event.refusal)
        case events.CommandFailed():
            _ended(command, event)
            command.state, command.error = COMMAND_STATE_FAILED, event.error
        case events.FailedCommandRetried():
            command.state = COMMAND_STATE_ACCEPTED
            for outcome in ("attempts", "run_time", "error"):
                command.ClearField(outcome)
        case events.FailedCommandDiscarded():
            command.discarded, command.discard_reason = True, event.reason
        case events.ScheduledCommandCancelled():
            command.state = COMMAND_STATE_REFUSED
            command.refusal.CopyFrom(CALLED_OFF)
        case _:
            assert_never(event)


def _ended(command: CommandView, event: events.CommandSucceeded | events.CommandRefused | events.CommandFailed) -> None:
    command.attempts = event.attempts
    command.run_time.FromMilliseconds(event.run_millis)
