"""`obverse log`: read the log, and prove it."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import grpc
import typer
from cqrs.log.v1.log_service_pb2 import ReadLogRequest
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.json_format import MessageToDict
from rich.progress import Progress

import command_service.deciders  # noqa: F401 # loads the contracts of every event
from ops.explained import explained
from ops.output import Output, Trouble
from ops.reach import command_address, log_records
from ops.run_state import RunState
from ops.servers import Servers
from ops.settings import Settings
from ops.verify import Verdict, verify
from runtime.upcast import decode

log_app = typer.Typer(help="Read the log, and prove it.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")]


@log_app.command()
def read(
    after: Annotated[int, typer.Option("--after", min=0, help="The position after which to begin.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=0, help="End after so many records; 0 for no limit.")] = 0,
    stream: Annotated[list[str] | None, typer.Option(help="A stream, or a kind of stream such as shop.order.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--type", help="A record type, by full protobuf name.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    json: Json = False,
) -> None:
    """Print the log's records, filtered where asked."""
    request = ReadLogRequest(
        after_position=after, limit=limit, streams=stream or (), types=kind or (), stop_at_head=not follow
    )
    with explained() as settings:
        try:
            asyncio.run(_print(command_address(settings), request, Output(json)))
        except KeyboardInterrupt:
            return


@log_app.command(name="verify")
def verify_command(json: Json = False) -> None:
    """Check every link of the hash chain, and that the stream holds the same bytes; exit status 1 unless all agree."""
    with explained() as settings:
        verdict = _verified(command_address(settings), _nats_url(settings), Output(json))
        if not verdict.ok:
            raise typer.Exit(1)


async def _print(address: str, request: ReadLogRequest, output: Output) -> None:
    async for logged in log_records(address, request):
        record = Record.FromString(logged.record)
        event = decode(record)
        shown = MessageToDict(event) if event is not None else {"bytes": len(record.data)}
        if output.as_json:
            output.value({"position": logged.position, **MessageToDict(record), "data": shown})
        else:
            output.line(
                f"{logged.position} {record.time.ToJsonString()} {record.stream}@{record.version} {record.type} {shown}"
            )


def _verified(address: str, nats_url: str, output: Output) -> Verdict:
    try:
        with Progress(transient=True, disable=output.as_json) as bar:
            task = bar.add_task("Comparing log and stream", total=None)
            verdict = asyncio.run(
                verify(address, nats_url, lambda done, all_: bar.update(task, completed=done, total=all_))
            )
    except grpc.aio.AioRpcError as error:
        raise Trouble(f"The log cannot be read at {address}: {error.details()}; is `obverse up` running?") from error
    if output.as_json:
        output.value(verdict.shown())
        return verdict
    for finding in verdict.findings:
        output.line(finding)
    output.line(
        f"epoch {verdict.epoch}: {verdict.records} records up to position {verdict.position}, chain "
        f"{'holds' if verdict.ok else 'or stream does not hold'}; {verdict.messages} messages of the stream compared"
    )
    return verdict


def _nats_url(settings: Settings) -> str:
    """The broker of the running system, else OBVERSE_NATS_URL; the reader needs to consume only."""
    if given := os.environ.get("OBVERSE_NATS_URL"):
        return given
    data = Path(settings.data).absolute()
    state = RunState.read(data)
    running = state.named("nats") if state else None
    if not running or not running.alive:
        raise Trouble("Set OBVERSE_NATS_URL to the broker that holds the stream, or start one with `obverse up`")
    nats = Servers(data).nats
    nats.port = int(running.address.rpartition(":")[2])
    return nats.url
