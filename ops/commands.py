"""`obverse commands`: what becomes of asynchronous commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import grpc
import typer
from cqrs.admin.v1 import queries_pb2 as queries
from cqrs.admin.v1.queries_pb2_grpc import CommandQueryServiceStub
from cqrs.admin.v1.views_pb2 import CommandView
from cqrs.common.v1.common_pb2 import COMMAND_STATE_SUCCEEDED, CommandState

from ops.command_shown import COLUMNS, as_dict, details, line, row
from ops.explained import explained
from ops.output import Output, Trouble
from ops.reach import query_address
from ops.settings import Settings

commands_app = typer.Typer(help="Look after asynchronous commands.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")]
CommandId = Annotated[str, typer.Argument(help="The command's id, as its receipt has it.")]

STATES = tuple(name.removeprefix("COMMAND_STATE_").lower() for name in CommandState.keys()[1:])
_PAGE = 100


@commands_app.command(name="list")
def list_command(
    state: Annotated[str, typer.Option(help=f"Only commands in this state: {', '.join(STATES)}.")] = "",
    channel: Annotated[str, typer.Option(help="Only commands of this channel.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Only requests of this type, by full protobuf name.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Failed ones that nobody has retried or discarded.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many at most; 0 for all.")] = 20,
    json: Json = False,
) -> None:
    """List commands, newest first."""
    with explained() as settings, _asked(settings) as service:
        if state and (failed or state not in STATES):
            raise Trouble(f"--state is one of {', '.join(STATES)}, and not given together with --failed; got {state!r}")
        filters = {"channel": channel, "type": kind}
        if state:
            filters["state"] = f"COMMAND_STATE_{state.upper()}"
        total, found = _listed(service, failed, filters, limit)
        output = Output(json)
        if json:
            for command in found:
                output.value(as_dict(command))
        elif found:
            output.table(COLUMNS, [row(command) for command in found])
            output.line(f"{len(found)} of {total} commands")
        else:
            output.line("No commands")


@commands_app.command()
def get(command_id: CommandId, json: Json = False) -> None:
    """Show one command: how far it has come, its request, its outcome."""
    with explained() as settings, _asked(settings) as service:
        command = service.GetCommand(queries.GetCommandRequest(command_id=command_id)).command
        output = Output(json)
        output.value(as_dict(command)) if json else output.table(("", ""), details(command))


@commands_app.command()
def watch(command_id: CommandId, json: Json = False) -> None:
    """Follow a command until it is final; exit status 1 unless it succeeded."""
    with explained() as settings, _asked(settings) as service:
        output, last = Output(json), 0
        try:
            for message in service.WatchCommand(queries.WatchCommandRequest(command_id=command_id)):
                last = message.command.state
                shown = {**as_dict(message.command), "skipped": message.skipped}
                output.value(shown) if json else output.line(line(message.command))
        except KeyboardInterrupt:
            return
        if last != COMMAND_STATE_SUCCEEDED:
            raise typer.Exit(1)


def _listed(service: Any, failed: bool, filters: dict[str, str], limit: int) -> tuple[int, list[CommandView]]:
    """(how many there are, the first of them), page by page."""
    kind: Any = queries.ListFailedCommandsRequest if failed else queries.ListCommandsRequest
    request = kind(**filters)
    ask = service.ListFailedCommands if failed else service.ListCommands
    found: list[CommandView] = []
    while True:
        request.page_size = min(limit - len(found), _PAGE) if limit else _PAGE
        answer = ask(request)
        found += answer.commands
        request.page_token = answer.next_page_token
        if not request.page_token or len(found) == limit:
            return answer.total_size, found


@contextmanager
def _asked(settings: Settings) -> Iterator[Any]:
    """The query server; Trouble says why it does not answer, or what it has to say."""
    address = query_address(settings)
    try:
        with grpc.insecure_channel(address) as channel:
            yield CommandQueryServiceStub(channel)
    except grpc.RpcError as error:
        answer: Any = error
        if answer.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
            raise Trouble(answer.details()) from error
        text = f"The query server at {address} does not answer: {answer.details()}; is `obverse up` running?"
        raise Trouble(text) from error
