"""A folder of mails, one .eml file each: written whole or not at all, read in the order in which they came."""

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default as MODERN
from pathlib import Path


@dataclass(frozen=True)
class Kept:
    """One mail that was kept; all mails kept since the folder was made have numbers 1, 2, 3 …"""

    number: int
    path: Path
    time: datetime
    """When it came, UTC."""
    to: str
    subject: str
    message_id: str

    def whole(self) -> EmailMessage:
        """The mail itself."""
        message = message_from_bytes(self.path.read_bytes(), policy=MODERN)
        assert isinstance(message, EmailMessage)
        return message


class Mailbox:
    """The mails in `folder`/new; `folder`/tmp holds what is being written. Safe from any thread and process."""

    def __init__(self, folder: Path) -> None:
        """Takes a folder that need not exist yet."""
        self._new, self._tmp = folder / "new", folder / "tmp"

    def prepare(self) -> None:
        """Makes the folders, and drops what a killed writer has left: nobody was told that it was kept."""
        for path in (self._new, self._tmp):
            path.mkdir(parents=True, exist_ok=True)
        for draft in self._tmp.iterdir():
            draft.unlink()

    def keep(self, content: bytes) -> Path:
        """Writes a mail; it is on disk when this returns. OSError when the disk does not take it."""
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S")
        name = f"{moment}.{nanoseconds:09d}Z-{secrets.token_hex(4)}.eml"
        with (self._tmp / name).open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        kept = (self._tmp / name).rename(self._new / name)
        _flush(self._new)
        return kept

    def last(self, limit: int = 0) -> Sequence[Kept]:
        """The newest `limit` mails, 0 for all of them; the newest last."""
        paths = self._paths()
        begin = max(len(paths) - limit, 0) if limit else 0
        return [_read(number, path) for number, path in enumerate(paths[begin:], begin + 1)]

    def find(self, name: str) -> Sequence[Kept]:
        """The mail with that number, or every one with that Message-ID, with or without its angle brackets."""
        if name.isdecimal():
            paths = self._paths()
            number = int(name)
            return [_read(number, paths[number - 1])] if 1 <= number <= len(paths) else []
        wanted = f"<{name.strip().removeprefix('<').removesuffix('>')}>"
        return [kept for kept in self.last() if kept.message_id == wanted]

    def _paths(self) -> list[Path]:
        return sorted(self._new.glob("*.eml"))


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(number: int, path: Path) -> Kept:
    with path.open("rb") as file:
        headers = BytesHeaderParser(policy=MODERN).parse(file)
    moment = datetime.strptime(path.name.partition(".")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    moment = moment.replace(microsecond=int(path.name.partition(".")[2][:6]))
    to, subject, message_id = (str(headers.get(name, "")) for name in ("To", "Subject", "Message-ID"))
    return Kept(number, path, moment, to, subject, message_id)
