"""The broker that carries the log, NATS with JetStream, as an embedded server."""

import json
import re
import secrets
import socket
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from ops.embedded.folder import passwords, write_private
from ops.embedded.ports import LOOPBACK
from ops.embedded.server import EmbeddedServer
from ops.embedded.wheels import nats_program

NatsUser = Literal["admin", "relay", "projector"]
_USERS: tuple[NatsUser, ...] = ("admin", "relay", "projector")
_TEMPLATE = Path(__file__).with_name("nats.conf")


class EmbeddedNats(EmbeddedServer):
    """NATS, each acknowledged message flushed to disk; every service has a user that may do no more than it needs.

    The relay's client must use the inbox prefix `_INBOX_relay`, the projector's `_INBOX_proj`.
    """

    title: ClassVar[str] = "NATS"

    @property
    def url(self) -> str:
        """The address for the user that may do everything."""
        return self.url_for("admin")

    def url_for(self, user: NatsUser) -> str:
        """The address with name and password of a user."""
        return f"nats://{user}:{self._passwords[user]}@{LOOPBACK}:{self.port}"

    @cached_property
    def _passwords(self) -> dict[str, str]:
        self.data.mkdir(parents=True, exist_ok=True)
        return passwords(self.data / "passwords.json", _USERS)

    def _prepare(self) -> None:
        self._name = f"obverse-{secrets.token_hex(8)}"
        values = {
            "listen": f"{LOOPBACK}:{self.port}",
            "name": self._name,
            "store": json.dumps(str(self.data / "store")),
            **{user: json.dumps(password) for user, password in self._passwords.items()},
        }
        write_private(self.data / "nats.conf", re.sub(r"@(\w+)@", lambda key: values[key[1]], _TEMPLATE.read_text()))

    def _command(self) -> list[str]:
        return [str(nats_program()), "--config", str(self.data / "nats.conf")]

    def _answers(self, pid: int) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                return self._name.encode() in connection.recv(4096)
        except OSError:
            return False
