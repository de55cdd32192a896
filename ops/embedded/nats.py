"""The broker that carries the log, NATS with JetStream, as an embedded server."""

import secrets
import socket
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from ops.embedded.folder import passwords
from ops.embedded.ports import LOOPBACK
from ops.embedded.server import EmbeddedServer
from ops.embedded.wheels import nats_program

NatsUser = Literal["admin", "relay", "projector"]
_USERS: tuple[NatsUser, ...] = ("admin", "relay", "projector")
_SETTINGS = Path(__file__).parents[2] / "deploy" / "nats.conf"


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

    def _command(self) -> list[str]:
        place = ["--addr", LOOPBACK, "--port", str(self.port), "--store_dir", str(self.data / "store")]
        return [str(nats_program()), "--config", str(_SETTINGS), "--name", self._name, *place]

    def _environment(self) -> dict[str, str]:
        given = {f"NATS_{user.upper()}_PASSWORD": password for user, password in self._passwords.items()}
        return {**super()._environment(), **given}

    def _answers(self, pid: int) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                return self._name.encode() in connection.recv(4096)
        except OSError:
            return False
