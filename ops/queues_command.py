"""`obverse queues`: what waits on each channel, what becomes of it and how fast; `--peek` shows the commands."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer
from cqrs.admin.v1.commands_pb2 import ListQueuesRequest, PeekQueueRequest
from cqrs.admin.v1.views_pb2 import Queue, QueuedCommand
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict

from ops.admin_client import administered
from ops.explained import explained
from ops.output import Output, Trouble

COLUMNS = (
    *("CHANNEL", "READY", "IN FLIGHT", "WAITING", "SCHEDULED", "FAILED", "TOTAL"),
    *("IN/S", "OUT/S", "P50", "P99", "OLDEST", ""),
)
Json = Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")]


def queues(
    channel: Annotated[str, typer.Argument(help="Only this channel; all by default.")] = "",
    peek: Annotated[bool, typer.Option("--peek", help="Show the commands that wait, oldest first.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Show the failed commands instead.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many commands of a channel.")] = 20,
    json: Json = False,
) -> None:
    """Show what waits on each channel, what has failed, how fast it goes; `--peek` and `--failed` show the commands."""

    async def ask(admin: Any) -> list[tuple[Queue, list[QueuedCommand]]]:
        listed = (await admin.ListQueues(ListQueuesRequest())).queues
        wanted = [queue for queue in listed if channel in ("", queue.channel)]
        if not wanted:
            names = ", ".join(queue.channel for queue in listed)
            raise Trouble(f'There is no channel "{channel}"; those there are: {names}')
        found = []
        for queue in wanted:
            request = PeekQueueRequest(channel=queue.channel, limit=limit, failed=failed)
            found.append((queue, list((await admin.PeekQueue(request)).commands) if peek or failed else []))
        return found

    with explained() as settings:
        found = administered(settings, ask)
        show(found, Output(json))


def show(found: Iterable[tuple[Queue, list[QueuedCommand]]], output: Output) -> None:
    """Print channels, and what waits on them where it was looked up."""
    listed = list(found)
    if output.as_json:
        for queue, commands in listed:
            shown: dict[str, Any] = MessageToDict(
                queue, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
            output.value({**shown, "commands": [MessageToDict(each) for each in commands]} if commands else shown)
        return
    output.table(COLUMNS, [_row(queue) for queue, _ in listed])
    rows = [_command(queue.channel, each) for queue, commands in listed for each in commands]
    if rows:
        output.line("")
        output.table(("CHANNEL", "POSITION", "STATE", "TYPE", "COMMAND", "STREAM", "ATTEMPTS", "ACCEPTED", ""), rows)


def _row(queue: Queue) -> tuple[Any, ...]:
    paused = f"paused: {queue.pause_reason}" if queue.pause_reason else "paused"
    return (
        *(queue.channel, queue.ready, queue.in_flight, queue.waiting, queue.scheduled, queue.failed, queue.total),
        f"{queue.accepted_per_second:.1f}",
        f"{queue.finished_per_second:.1f}",
        _millis(queue, "run_time_p50"),
        _millis(queue, "run_time_p99"),
        _age(queue.oldest_age) if queue.HasField("oldest_age") else "",
        paused if queue.paused else "",
    )


def _command(channel: str, command: QueuedCommand) -> tuple[Any, ...]:
    return (
        *(channel, command.position, command.state, command.type.rpartition(".")[2], command.command_id),
        *(command.stream, command.attempts, command.accept_time.ToJsonString(), command.error),
    )


def _millis(queue: Queue, field: str) -> str:
    if not queue.HasField(field):  # type: ignore[arg-type]  # the name of one of its two durations
        return ""
    duration: Duration = getattr(queue, field)
    return f"{duration.seconds * 1000 + duration.nanos / 1e6:.0f} ms"


def _age(age: Duration) -> str:
    seconds = age.seconds + age.nanos / 1e9
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
