"""Step 4: what an operator may do with asynchronous commands and channels, decided on their own streams."""

from dataclasses import dataclass, replace
from typing import assert_never

from cqrs.admin.v1 import commands_pb2 as commands
from cqrs.admin.v1 import errors_pb2 as errors
from cqrs.admin.v1 import events_pb2 as events
from google.protobuf.message import Message

from command_service.command import CATEGORY
from command_service.decider import QUIET, Aggregate, Context, Decider, Decision, happened
from runtime.refusals import Refusals

refuse = Refusals(errors.AdminError)
"""The refusals of the platform's own administration."""

AdminCommand = (
    commands.RetryFailedCommandRequest
    | commands.DiscardFailedCommandRequest
    | commands.CancelScheduledCommandRequest
    | commands.PauseChannelRequest
    | commands.ResumeChannelRequest
)


@dataclass(frozen=True, slots=True)
class Life:
    """How far an asynchronous command has come."""

    state: str = ""
    """"accepted", "ended", "failed", "discarded" or "cancelled"; empty for one that was never accepted."""
    channel: str = ""
    type: str = ""
    due: tuple[int, int] = (0, 0)
    """When it may be carried out, in seconds and nanoseconds."""
    reason: str = ""
    """Why it was discarded."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether a channel is paused, and why."""

    paused: bool = False
    reason: str = ""


def decide(command: AdminCommand, context: Context, state: Life | Pause) -> Decision:
    """What the operator's command leads to; raises Refused."""
    if isinstance(state, Pause):
        return _channel(command, state)
    if not state.state:
        text = f"No asynchronous command has the id {command.command_id}"  # type: ignore[union-attr]  # has a Life
        raise refuse(errors.ADMIN_ERROR_COMMAND_NOT_FOUND, text)
    match command:
        case commands.RetryFailedCommandRequest():
            _has_failed(state, "retried")
            return _about(command.command_id, state, events.FailedCommandRetried())
        case commands.DiscardFailedCommandRequest():
            if (state.state, state.reason) == ("discarded", command.reason):
                return QUIET
            _has_failed(state, "discarded")
            return _about(command.command_id, state, events.FailedCommandDiscarded(reason=command.reason))
        case commands.CancelScheduledCommandRequest():
            return _cancel(command.command_id, context, state)
        case commands.PauseChannelRequest() | commands.ResumeChannelRequest():
            raise TypeError("a channel's command was decided on a command's stream")
        case _:
            assert_never(command)


def _channel(command: AdminCommand, pause: Pause) -> Decision:
    if isinstance(command, commands.PauseChannelRequest):
        if pause == Pause(True, command.reason):
            return QUIET
        return happened(events.ChannelPaused(channel=command.channel, reason=command.reason))
    if isinstance(command, commands.ResumeChannelRequest):
        return happened(events.ChannelResumed(channel=command.channel)) if pause.paused else QUIET
    raise TypeError(f"{type(command).__name__} was decided on a channel's stream")


def _has_failed(life: Life, wanted: str) -> None:
    if life.state != "failed":
        text = f"Only a failed command can be {wanted}, this one is {life.state}"
        raise refuse(errors.ADMIN_ERROR_COMMAND_NOT_FAILED, text)


def _cancel(command_id: str, context: Context, life: Life) -> Decision:
    if life.state == "cancelled":
        return QUIET
    if life.state != "accepted" or life.due <= (context.time.seconds, context.time.nanos):
        text = "Only a scheduled command that is not yet due can be called off"
        raise refuse(errors.ADMIN_ERROR_COMMAND_NOT_SCHEDULED, text)
    return _about(command_id, life, events.ScheduledCommandCancelled())


def _about(
    command_id: str,
    life: Life,
    event: events.FailedCommandRetried | events.FailedCommandDiscarded | events.ScheduledCommandCancelled,
) -> Decision:
    event.command_id, event.channel, event.type = command_id, life.channel, life.type
    return happened(event)


def evolve(life: Life, event: Message) -> Life:
    """The command's life after a record of its stream."""
    match event:
        case events.CommandAccepted():
            due = (event.due_time.seconds, event.due_time.nanos)
            return Life("accepted", event.channel, event.type, due)
        case events.CommandSucceeded() | events.CommandRefused():
            return replace(life, state="ended")
        case events.CommandFailed():
            return replace(life, state="failed")
        case events.FailedCommandRetried():
            return replace(life, state="accepted", due=(0, 0))
        case events.FailedCommandDiscarded():
            return replace(life, state="discarded", reason=event.reason)
        case events.ScheduledCommandCancelled():
            return replace(life, state="cancelled")
    raise TypeError(f"{type(event).__name__} stands in a command's stream, where it does not belong")


def evolve_channel(_pause: Pause, event: events.ChannelPaused | events.ChannelResumed) -> Pause:
    """The channel after a record of its stream."""
    return Pause(True, event.reason) if isinstance(event, events.ChannelPaused) else Pause()


COMMAND = Aggregate(
    category=CATEGORY,
    initial=Life(),
    evolve=evolve,
    events=(
        events.CommandAccepted,
        events.CommandSucceeded,
        events.CommandRefused,
        events.CommandFailed,
        events.FailedCommandRetried,
        events.FailedCommandDiscarded,
        events.ScheduledCommandCancelled,
    ),
)
CHANNEL = Aggregate("channel", Pause(), evolve_channel, (events.ChannelPaused, events.ChannelResumed))


def _reads(command: AdminCommand, _context: Context) -> tuple[tuple[Aggregate, str], ...]:
    if isinstance(command, commands.PauseChannelRequest | commands.ResumeChannelRequest):
        return ((CHANNEL, command.channel),)
    return ((COMMAND, command.command_id),)


ADMIN = Decider(service="cqrs.admin.v1.CommandAdminService", reads=_reads, decide=decide)
