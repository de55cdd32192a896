"""Step 6, the tables of open work: what a record does to them as it is appended."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

LONGEST_TEXT = 2_000
"""Characters of an error, a reason or a name that are kept."""


class WorkKind(IntEnum):
    """What a record changes; the numbers are those that append() takes."""

    OPEN = 1
    """A command waits from now on: `key` is its id; channel, stream, type, due, most_open are set."""
    SUCCEEDED = 2
    """The command `key` is done: off the table; channel and run_millis are set."""
    REFUSED = 3
    """The same for one that was refused."""
    FAILED = 4
    """The command `key` stays as a failed one; channel, run_millis and text (its error) are set."""
    REOPEN = 5
    """The failed command `key` waits again, without attempts; its receipt is ACCEPTED again."""
    DISCARD = 6
    """The failed command `key` goes off the table; its receipt stays FAILED."""
    CANCEL = 7
    """The scheduled command `key` goes off the table; its receipt becomes REFUSED."""
    PAUSE = 8
    """Nothing of the channel `key` is given out any more; text is the reason."""
    RESUME = 9
    """The channel `key` goes on."""
    SET_TIMER = 10
    """The timer `key` is due at `due`, or moved there; stream, type (process manager) and text (its name) are set."""
    CLEAR_TIMER = 11
    """The timer `key` is gone; one that is not there is no error."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one record does to the tables of open work."""

    kind: WorkKind
    key: str
    """A command's id, a channel's name, or a timer's key `<process>/<instance>/<name>`."""
    channel: str = ""
    stream: str = ""
    """The aggregate's stream, whose commands are carried out in order; for a timer the instance's own stream."""
    type: str = ""
    """Full name of the request; for a timer the process manager."""
    due: datetime | None = None
    """Not before; None is at once."""
    run_millis: int = 0
    """How long the last attempt ran."""
    text: str = ""
    """The error of a failed command, the reason of a pause, the name of a timer; at most 2,000 characters."""
    most_open: int = 0
    """How many commands may wait on the channel, this one included; beyond that the entry ends in ChannelFull.
    0: any."""
    request_hash: bytes = b""
    """What makes two requests of an opened command the same; kept under its id where the entry is another command's."""


def kept(text: str) -> str:
    """What is kept of an error or a reason: no longer than that, and without what no store takes as text."""
    return text[:LONGEST_TEXT].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
