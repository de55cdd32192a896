"""The `obverse` command line: each command reads the settings, does its work elsewhere, prints."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from command_service.postgres.migrate import migrate
from ops import connect as connecting
from ops import logs as logging
from ops import report
from ops.commands import commands_app
from ops.control_command import cancel, discard, pause, resume, retry, schedule
from ops.demo.command import demo
from ops.demo_bank.command import demo_bank
from ops.demo_fulfilment.command import demo_fulfilment
from ops.down import down as end_all
from ops.down import reset as empty
from ops.explained import explained
from ops.log_command import log_app
from ops.mail_command import mail_app
from ops.output import Output, Trouble
from ops.queues_command import queues
from ops.run_state import RunState
from ops.servers import Servers
from ops.trace_command import trace
from ops.up import up as run

app = typer.Typer(
    name="obverse", help="Runs Obverse and looks after it.", no_args_is_help=True, pretty_exceptions_enable=False
)
Json = Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")]


@app.command()
def up(json: Json = False) -> None:
    """Start servers and services, keep them running, stop them on Ctrl-C."""
    with explained() as settings:
        run(settings, dict(os.environ), Output(json))


@app.command()
def down(json: Json = False) -> None:
    """Stop what `obverse up` started, from elsewhere."""
    with explained() as settings:
        end_all(Path(settings.data).absolute(), Output(json))


@app.command()
def status(json: Json = False) -> None:
    """Show each process, log, stream, how far projections and process managers are; exit status 1 unless healthy."""
    with explained() as settings:
        output, data = Output(json), Path(settings.data).absolute()
        found = report.gather(data)
        if json:
            output.value(found)
        elif found["processes"]:
            report.show(found, output)
        else:
            raise Trouble(f"Nothing runs in {data}; `obverse up` starts it")
        if not found["healthy"]:
            raise typer.Exit(1)


@app.command(name="migrate")
def migrate_command(json: Json = False) -> None:
    """Bring the database at OBVERSE_MIGRATE_DSN, or the running one, to this version's schema."""
    with explained() as settings:
        dsn = os.environ.get("OBVERSE_MIGRATE_DSN") or _running_dsn(Path(settings.data).absolute())
        asyncio.run(migrate(dsn, Output(json).line))


def _running_dsn(data: Path) -> str:
    state = RunState.read(data)
    running = state.named("postgres") if state else None
    if not running or not running.alive:
        raise Trouble("Set OBVERSE_MIGRATE_DSN to the database (role obverse_migrator), or start one with `obverse up`")
    postgres = Servers(data).postgres
    postgres.port = int(running.address.rpartition(":")[2])
    return postgres.dsn("obverse_migrator")


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help=", ".join(logging.NAMES))],
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f", help="Go on with what comes.")] = True,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="How many lines to begin with.")] = 20,
    json: Json = False,
) -> None:
    """Show the log of one service or server and follow it."""
    with explained() as settings:
        output = Output(json)
        try:
            for line in logging.lines(Path(settings.data).absolute(), service, last, follow):
                output.value({"service": service, "line": line}) if json else output.line(line)
        except KeyboardInterrupt:
            return


@app.command()
def connect(
    server: Annotated[str, typer.Argument(help=", ".join(connecting.SERVERS))],
    only_print: Annotated[bool, typer.Option("--print", help="Only say how; open nothing.")] = False,
    json: Json = False,
) -> None:
    """Say how to look inside a server, and open its client where there is one."""
    with explained() as settings:
        output = Output(json)
        entry = connecting.entry(Path(settings.data).absolute(), server)
        if json:
            output.value({"url": entry.url, "client": entry.client, "try": list(entry.hints)})
            return
        output.line(f"Address: {entry.url}\nTry there:\n  " + "\n  ".join(entry.hints))
        if not only_print:
            entry.open()


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", envvar="YES", help="Do not ask.")] = False, json: Json = False
) -> None:
    """Delete all data and logs, after asking."""
    with explained() as settings:
        data = Path(settings.data).absolute()
        if not yes and not (sys.stdin.isatty() and typer.confirm(f"Delete everything that Obverse keeps in {data}?")):
            raise Trouble("Nothing was deleted; --yes, or YES=1 with make, deletes without asking")
        empty(data, Output(json))


app.command()(demo)
app.command(name="demo-bank")(demo_bank)
app.command(name="demo-fulfilment")(demo_fulfilment)
app.add_typer(log_app, name="log")
app.add_typer(commands_app, name="commands")
for decision in (retry, discard, pause, resume, cancel, schedule):
    commands_app.command()(decision)
app.command()(queues)
app.command()(trace)
app.add_typer(mail_app, name="mail")


@app.command()
def bench(full: Annotated[bool, typer.Option("--full", help="Measure P15 to P17 too; half an hour.")] = False) -> None:
    """Measure what this machine does, against limits and peers; writes bench/results/."""
    arguments = [sys.executable, "-m", "bench", *(["--full"] if full else [])]
    os.execv(sys.executable, arguments)
