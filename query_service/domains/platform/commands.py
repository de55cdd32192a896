"""Questions about asynchronous commands."""

from collections.abc import Sequence

from cqrs.admin.v1.errors_pb2 import ADMIN_ERROR_COMMAND_NOT_FOUND, AdminError
from cqrs.admin.v1.queries_pb2 import (
    GetCommandRequest,
    GetCommandResponse,
    ListCommandsRequest,
    ListCommandsResponse,
    ListFailedCommandsRequest,
    ListFailedCommandsResponse,
    WatchCommandRequest,
    WatchCommandResponse,
)
from cqrs.admin.v1.views_pb2 import CommandView
from cqrs.common.v1.common_pb2 import COMMAND_STATE_ACCEPTED, CommandState

from query_service.answer import Answer, One, Page, Watching
from runtime.refusals import Refusals

PROJECTION = "platform.commands"

_refuse = Refusals(AdminError)


def _command(request: GetCommandRequest | WatchCommandRequest) -> One:
    return One(PROJECTION, CommandView, f"command:{request.command_id}")


def _known(command_id: str, command: CommandView | None) -> CommandView:
    if command is None:
        text = (
            f"No asynchronous command has the id {command_id!r}: look it up in its receipt; "
            "if it was accepted just now, ask with the receipt's token"
        )
        raise _refuse(ADMIN_ERROR_COMMAND_NOT_FOUND, text, command_id=command_id)
    return command


def _get_command(request: GetCommandRequest, command: CommandView | None) -> GetCommandResponse:
    return GetCommandResponse(command=_known(request.command_id, command))


def _watch_command(request: WatchCommandRequest, command: CommandView | None) -> WatchCommandResponse:
    return WatchCommandResponse(command=_known(request.command_id, command))


def _is_final(command: CommandView) -> bool:
    return command.state != COMMAND_STATE_ACCEPTED


def _commands(request: ListCommandsRequest) -> Page:
    state = CommandState.Name(request.state).removeprefix("COMMAND_STATE_").lower() if request.state else ""
    return Page(PROJECTION, CommandView, f"commands:{state}:{_of_channel_and_type(request)}")


def _list_commands(_request: ListCommandsRequest, commands: Sequence[CommandView]) -> ListCommandsResponse:
    return ListCommandsResponse(commands=commands)


def _failed_commands(request: ListFailedCommandsRequest) -> Page:
    return Page(PROJECTION, CommandView, f"failed:{_of_channel_and_type(request)}")


def _list_failed_commands(
    _request: ListFailedCommandsRequest, commands: Sequence[CommandView]
) -> ListFailedCommandsResponse:
    return ListFailedCommandsResponse(commands=commands)


def _of_channel_and_type(request: ListCommandsRequest | ListFailedCommandsRequest) -> str:
    """No type has a colon in its name; one asked for with a colon must not read as part of a channel's."""
    return f"{request.channel}:{request.type.replace(':', '_')}"


ANSWERS = (
    Answer("cqrs.admin.v1.CommandQueryService.GetCommand", _command, _get_command),
    Answer("cqrs.admin.v1.CommandQueryService.ListCommands", _commands, _list_commands),
    Answer("cqrs.admin.v1.CommandQueryService.ListFailedCommands", _failed_commands, _list_failed_commands),
    Watching("cqrs.admin.v1.CommandQueryService.WatchCommand", _command, _watch_command, _is_final),
)
