"""`obverse up`: runs the system in the foreground until Ctrl-C or SIGTERM."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ops.calls import calls
from ops.embedded.ports import LOOPBACK
from ops.output import Output, Trouble
from ops.settings import Settings
from ops.supervisor import System

_STORES = ("OBVERSE_POSTGRES_DSN", "OBVERSE_MIGRATE_DSN", "OBVERSE_NATS_URL", "OBVERSE_REDIS_URL")
_OWN = (*_STORES, "OBVERSE_LOG_ADDRESS", "OBVERSE_SMTP_URL", "OBVERSE_SANDBOX_PAYMENTS")


class Stopped(Exception):
    """Somebody asked the program to end."""


def up(settings: Settings, environ: dict[str, str], output: Output) -> None:
    """Starts everything, says where it is, and returns when it has been stopped again."""
    for name in _OWN:
        if environ.get(name):
            output.line(f"{name} is set but not used: `obverse up` runs servers of its own")
    commands, queries = (_port(settings.command_address, "COMMAND"), _port(settings.query_address, "QUERY"))
    system = System(Path(settings.data), commands, queries, report=output.line)
    try:
        with _stoppable():
            system.start()
            output.ready(_addresses(system), calls(system.command_address, system.query_address))
            while True:
                signal.pause()
    except Stopped:
        output.line("Stopping; again to stop at once")
    try:
        with _stoppable():
            system.stop()
    except Stopped:
        system.kill_all()
    output.line("Stopped")


@contextmanager
def _stoppable() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _port(address: str, name: str) -> int:
    host, _, port = address.rpartition(":")
    if host not in {LOOPBACK, "localhost"} or not port.isdecimal():
        raise Trouble(f"OBVERSE_{name}_ADDRESS={address} cannot be used: `obverse up` listens on {LOOPBACK}:<port>")
    return int(port)


def _addresses(system: System) -> dict[str, str]:
    addresses = {"commands": system.command_address, "queries": system.query_address, "mail": system.mail.url}
    return {**addresses, "data": str(system.data)}
