"""`obverse commands retry|discard|schedule|cancel|pause|resume`: an operator decides; each is a record in the log."""

import json as jsonlib
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from cqrs.admin.v1 import commands_pb2 as messages
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

import command_service.deciders  # noqa: F401 # loads the contracts of every command
from ops.admin_client import administered
from ops.explained import explained
from ops.output import Output, Trouble
from runtime.upcast import message_class

Json = Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")]
Channel = Annotated[str, typer.Argument(help="The channel, e.g. orders.")]
CommandId = Annotated[str, typer.Argument(help="The command's id.")]


def retry(
    command_id: Annotated[str, typer.Argument(help="A failed command; none for all that fit.")] = "",
    channel: Annotated[str, typer.Option(help="All failed ones of this channel.")] = "",
    kind: Annotated[str, typer.Option("--type", help="All failed ones of this type, e.g. PlaceOrderRequest.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All failed ones.")] = False,
    json: Json = False,
) -> None:
    """Have failed commands carried out again: one, or all of a channel, a type, or all."""
    if command_id:
        answer = _told("RetryFailedCommand", messages.RetryFailedCommandRequest(command_id=command_id))
        _say(answer, f"{command_id} waits again", json)
        return
    with explained():
        if not (channel or kind or every):
            raise Trouble("Name a command, or say --channel, --type or --all")
    answer = _told("RetryFailedCommands", messages.RetryFailedCommandsRequest(channel=channel, type=kind))
    _say(answer, f"{answer.retried} failed commands wait again", json)


def discard(
    command_id: CommandId,
    reason: Annotated[str, typer.Option(help="Why; kept with the command.")],
    json: Json = False,
) -> None:
    """Give a failed command up, for a reason that is kept with it."""
    request = messages.DiscardFailedCommandRequest(command_id=command_id, reason=reason)
    _say(_told("DiscardFailedCommand", request), f"{command_id} is given up", json)


def pause(
    channel: Channel, reason: Annotated[str, typer.Option(help="Why; shown with the queue.")] = "", json: Json = False
) -> None:
    """Have a channel's commands wait; what is accepted meanwhile waits too."""
    _say(_told("PauseChannel", messages.PauseChannelRequest(channel=channel, reason=reason)), f"{channel} waits", json)


def resume(channel: Channel, json: Json = False) -> None:
    """Have a channel's commands carried out again."""
    _say(_told("ResumeChannel", messages.ResumeChannelRequest(channel=channel)), f"{channel} goes on", json)


def cancel(command_id: CommandId, json: Json = False) -> None:
    """Call off a scheduled command that is not yet due."""
    request = messages.CancelScheduledCommandRequest(command_id=command_id)
    _say(_told("CancelScheduledCommand", request), f"{command_id} is called off", json)


def schedule(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="Full name, e.g. cqrs.shop.v1.CancelOrderRequest.")],
    at: Annotated[datetime, typer.Option(formats=["%Y-%m-%dT%H:%M:%S"], help="When, in UTC.")],
    data: Annotated[str, typer.Option("-d", "--data", help="The request as JSON.")] = "{}",
    command_id: Annotated[str, typer.Option(help="Its id; generated when not given.")] = "",
    json: Json = False,
) -> None:
    """Accept a command to be carried out at a time."""
    with explained():
        request = messages.ScheduleCommandRequest(command=_packed(kind, data))
    request.context.command_id = command_id
    request.due_time.FromDatetime(at.replace(tzinfo=UTC))
    answer = _told("ScheduleCommand", request)
    _say(answer, f"{answer.receipt.command_id} is due at {request.due_time.ToJsonString()}", json)


def _packed(kind: str, data: str) -> AnyMessage:
    known = message_class(kind)
    if known is None:
        raise Trouble(f"{kind} is no message of this version; give the full name, e.g. cqrs.shop.v1.CancelOrderRequest")
    packed = AnyMessage()
    try:
        packed.Pack(ParseDict(jsonlib.loads(data), known()))
    except (ParseError, ValueError) as error:
        raise Trouble(f"{data} is no {kind}: {error}") from error
    return packed


def _told(rpc: str, request: Message) -> Any:
    async def ask(admin: Any) -> Any:
        return await getattr(admin, rpc)(request)

    with explained() as settings:
        return administered(settings, ask)


def _say(answer: Any, text: str, as_json: bool) -> None:
    receipt = answer.receipt
    output = Output(as_json)
    if as_json:
        output.value({"command_id": receipt.command_id, "position": receipt.token.position, "message": text})
    else:
        output.line(text)
