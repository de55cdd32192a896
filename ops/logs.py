"""`obverse logs`: the log of one service or server, and what it goes on to say."""

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ops.output import Trouble
from ops.servers import NAMES as SERVERS
from ops.servers import log_of
from ops.service import SERVICES

NAMES = (*SERVERS, *(service.name for service in SERVICES))
_POLL_SECONDS = 0.2


def lines(data: Path, name: str, last: int, follow: bool) -> Iterator[str]:
    """The last lines of a log, then, when following, each new one as it comes, for ever; Trouble without a log."""
    if name not in NAMES:
        raise Trouble(f"There is no service {name}; there are {', '.join(NAMES)}")
    path = log_of(data, name)
    if not path.exists():
        raise Trouble(f"{name} has never run in {data}: there is no {path}")
    with path.open(errors="replace") as file:
        yield from (line.rstrip("\n") for line in deque(file, maxlen=last))
        if follow:
            yield from _follow(path, file)


def _follow(path: Path, file: IO[str]) -> Iterator[str]:
    begun = ""
    while path.exists():
        begun += file.readline()
        if begun.endswith("\n"):
            yield begun.rstrip("\n")
            begun = ""
        else:
            time.sleep(_POLL_SECONDS)
