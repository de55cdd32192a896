"""What people and programs see of an asynchronous command."""

from typing import Any

from cqrs.admin.v1.views_pb2 import CommandView
from cqrs.common.v1.common_pb2 import CommandState
from google.protobuf.descriptor_pool import Default
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

import command_service.deciders  # noqa: F401 # loads the contracts of every request

COLUMNS = ("COMMAND", "STATE", "CHANNEL", "TYPE", "ACCEPTED", "ATTEMPTS", "RAN", "WHY")


def row(command: CommandView) -> tuple[Any, ...]:
    """A line of a list, in the order of COLUMNS."""
    return (
        command.command_id,
        state_name(command),
        command.channel,
        command.type.rpartition(".")[2],
        command.accept_time.ToJsonString(),
        command.attempts or None,
        ran(command.run_time) if command.HasField("run_time") else None,
        why(command) or None,
    )


def line(command: CommandView) -> str:
    """A command as it is now, on one line."""
    parts = [f"{command.command_id} {command.type.rpartition('.')[2]} on {command.channel}: {state_name(command)}"]
    if command.attempts:
        parts.append(f"{command.attempts} attempt{'s' if command.attempts > 1 else ''}, ran {ran(command.run_time)}")
    if command.receipt.aggregate_id:
        parts.append(f"{command.receipt.aggregate_id} at version {command.receipt.version}")
    return ", ".join([*parts, *filter(None, (why(command),))])


def details(command: CommandView) -> list[tuple[str, str]]:
    """Everything that is known of a command, by name."""
    shown = as_dict(command)
    shown["state"] = state_name(command)
    return [(name, value if isinstance(value, str) else repr(value)) for name, value in shown.items()]


def as_dict(command: CommandView) -> dict[str, Any]:
    """The view as JSON has it, the request decoded where its type is known."""
    shown = MessageToDict(command)
    if (request := _request(command)) is not None:
        shown["request"] = request
    return shown


def state_name(command: CommandView) -> str:
    """E.g. "SUCCEEDED"; of a failed command that was given up "FAILED, discarded"."""
    name = CommandState.Name(command.state).removeprefix("COMMAND_STATE_")
    return f"{name}, discarded" if command.discarded else name


def why(command: CommandView) -> str:
    """What a refusal, a failure or the operator who gave it up says; empty where there is none."""
    refusal = f"{command.refusal.reason}: {command.refusal.text}" if command.HasField("refusal") else ""
    return command.discard_reason or refusal or command.error


def ran(duration: Duration) -> str:
    """E.g. "40 ms", "12.5 s"."""
    millis = duration.ToMilliseconds()
    return f"{millis} ms" if millis < 1_000 else f"{millis / 1_000:.3g} s"


def _request(command: CommandView) -> dict[str, Any] | None:
    try:
        known = GetMessageClass(Default().FindMessageTypeByName(command.type))
        return MessageToDict(known.FromString(command.request))
    except (KeyError, DecodeError):  # a newer version's, or damaged: the bytes are shown instead
        return None
