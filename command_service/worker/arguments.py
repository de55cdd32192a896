"""What a worker is told on its command line."""

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass

_DESCRIPTION = """\
Carry accepted commands out, channel by channel, as many at a time as each channel's policy says.

Any number of workers run side by side, on any number of machines: they share nothing but the database. A worker that
dies repeats nothing: its commands are taken up by others once their leases have ended (OBVERSE_WORKER_LEASE_SECONDS).
SIGTERM lets the commands in hand end, for OBVERSE_DRAIN_SECONDS at most, and gives the rest back.
"""
_EPILOG = """\
examples:
  python -m command_service.worker                                  every channel, and the process managers
  python -m command_service.worker --channel orders --channel bank  two channels only
  python -m command_service.worker --channel orders --limit 3 -v    three commands, telling what happens to each

Settings come from the environment; OBVERSE_POSTGRES_DSN is needed, docs/operate.md has them.
"""


class UnknownChannel(ValueError):
    """A channel was named on which no command can wait."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for."""

    channels: tuple[str, ...] = ()
    """Empty: every channel."""
    limit: int | None = None
    """Process so many messages, then end."""
    verbose: bool = False
    processes: bool = True
    """Whether process managers run in this worker too."""

    def chosen(self, known: Sequence[str]) -> tuple[str, ...]:
        """The channels to work on, of those that are known; raises UnknownChannel."""
        if unknown := [f'"{name}"' for name in self.channels if name not in known]:
            there = ", ".join(known) or "none"
            raise UnknownChannel(f"No command can wait on channel {', '.join(unknown)}; the channels are: {there}")
        return tuple(dict.fromkeys(self.channels or known))


def parse(arguments: Sequence[str]) -> Arguments:
    """What the command line says; prints help or what is wrong with it and raises SystemExit."""
    given = _parser().parse_args(arguments)
    processes = not (given.channel or given.limit or given.no_processes)
    return Arguments(tuple(given.channel), given.limit, given.verbose, processes)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m command_service.worker",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--channel",
        action="append",
        default=[],
        metavar="NAME",
        help="work on this channel only; may be given several times",
    )
    parser.add_argument(
        "--limit",
        type=_count,
        metavar="N",
        help="process exactly N messages, then exit with status 0; a message is processed when its command has an "
        "outcome, or when it was put off until another attempt",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="tell of every command what happens to it")
    parser.add_argument(
        "--no-processes",
        action="store_true",
        help="run no process managers; they do not run either when --channel or --limit is given",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
