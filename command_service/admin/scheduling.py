"""Step 1: a command for later: what it is, whether it may be, and when."""

import hashlib
from dataclasses import replace
from typing import Any

from cqrs.admin.v1 import commands_pb2 as commands
from cqrs.admin.v1 import errors_pb2 as errors
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.admin.deciders import refuse
from command_service.catalogue import Catalogue
from command_service.command import Command, now
from runtime.call import Call
from runtime.record import whole
from runtime.validation import invalid, validate

MOST_SECONDS = 366 * 24 * 3600
"""How far ahead a command can be scheduled."""


def scheduled(request: commands.ScheduleCommandRequest, call: Call, catalogue: Catalogue) -> tuple[Command, Timestamp]:
    """The command that a ScheduleCommandRequest holds, and when it is due; raises Refused."""
    due = whole(request.due_time)
    if due.seconds - now().seconds > MOST_SECONDS:
        text = "A command can be scheduled for the next year at most"
        raise refuse(errors.ADMIN_ERROR_TOO_FAR_AHEAD, text, field="due_time")
    name = request.command.TypeName()
    rpc = catalogue.of_request(name)
    if rpc is None:
        text = f"{name or 'An empty message'} is no command of this server"
        raise refuse(errors.ADMIN_ERROR_NOT_A_COMMAND, text, field="command")
    inner = _unpacked(request, rpc.request())
    if inner.context.ByteSize():
        raise invalid([("command", "The command's own context must be empty: give it beside the command")])
    inner.context.CopyFrom(request.context)
    validate(inner)
    call = Call(rpc.name, call.message_id, call.deadline, call.traceparent, call.actor)
    command = Command.accept(rpc, inner, call)
    same = hashlib.sha256(command.hash + due.SerializeToString(deterministic=True)).digest()
    return replace(command, hash=same), due


def _unpacked(request: commands.ScheduleCommandRequest, message: Any) -> Any:
    try:
        message.ParseFromString(request.command.value)
    except DecodeError:
        text = f"The bytes are no {message.DESCRIPTOR.full_name}"
        raise refuse(errors.ADMIN_ERROR_NOT_A_COMMAND, text, field="command") from None
    return message
