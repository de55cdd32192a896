"""The port of mail: what an effect asks of the world when somebody is to be told something."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol
from urllib.parse import quote

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]\\@]+@[^\s<>,;:\"()\\@]+")
_LONGEST = 900
"""Characters: a line of a mail ends after 998 bytes (RFC 5322 section 2.1.1)."""
_READABLE = 200
"""Characters: what is longer is named by its hash, as an id of any characters may become many times as long."""


class MailRefused(Exception):
    """The mail server will never take this mail (an answer 5xx, RFC 5321 section 4.2.1); trying again changes nothing.

    It is no refusal of the command: what caused it becomes a failed command, kept for an operator.
    """


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one receiver. ValueError for what could become another header, another receiver or no mail at all."""

    message_id: str
    """`<…@obverse>`, sent exactly as it is; the same for every attempt, so that a receiver can tell a repetition."""
    to: str
    """One address, e.g. "ada@example.com"."""
    subject: str
    """One line of any characters."""
    text: str
    """The body: plain text of any characters and any number of lines."""

    def __post_init__(self) -> None:
        if len(self.message_id) > _LONGEST or not _MESSAGE_ID.fullmatch(self.message_id):
            raise ValueError(f"{self.message_id!r} is no Message-ID: <left@right>, printable, at most {_LONGEST} long")
        if len(self.to) > _LONGEST or not _ADDRESS.fullmatch(self.to) or _CONTROL.search(self.to):
            raise ValueError(f"{self.to!r} is no address that a mail can go to")
        if _CONTROL.search(self.subject):
            raise ValueError(f"the subject {self.subject!r} has a line break or another control character")


class Mailer(Protocol):
    """Sends mail; one is shared by every command that a worker carries out at a time."""

    async def send(self, mail: Mail) -> None:
        """Return when the server has taken the mail over.

        Raises Retry (command_service.decider) when the server is away, too slow or answers 4xx; MailRefused when it
        answers 5xx. After a Retry the mail may have gone out all the same: sending it again is right, the Message-ID
        shows that it is one mail.
        """


def message_id(*key: str) -> str:
    """The Message-ID of what the key names, e.g. ("order-1", "confirmed"), readable where the key is short.

    Another key gives another Message-ID.
    """
    left = "/".join(quote(part, safe="") for part in key)
    if len(left) > _READABLE:
        left = f"sha256={sha256(left.encode()).hexdigest()}"  # no other key has a "=" that is not escaped
    return f"<{left}@obverse>"
