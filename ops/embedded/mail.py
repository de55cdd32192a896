"""The mail server of a system on one machine: it keeps what it gets, as an embedded server."""

import os
import secrets
import socket
import sys
from pathlib import Path
from typing import ClassVar

from ops.embedded.ports import LOOPBACK
from ops.embedded.server import EmbeddedServer
from ops.mailbox import Mailbox

_ROOT = Path(__file__).parents[2]


class EmbeddedMail(EmbeddedServer):
    """An SMTP server that delivers nothing; each mail is a file in `data`/new before its sender is told so."""

    title: ClassVar[str] = "the mail server"

    @property
    def url(self) -> str:
        """The address, for OBVERSE_SMTP_URL."""
        return f"smtp://{LOOPBACK}:{self.port}"

    @property
    def mailbox(self) -> Mailbox:
        """What it keeps; it may be read while the server is down."""
        return Mailbox(self.data)

    def _prepare(self) -> None:
        self._name = secrets.token_hex(8)

    def _command(self) -> list[str]:
        place = ["--folder", str(self.data), "--port", str(self.port), "--name", self._name]
        return [sys.executable, "-m", "ops.mail_server", *place]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'generated'}"}

    def _answers(self, pid: int) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                return self._name.encode() in connection.recv(4096)
        except OSError:
            return False
