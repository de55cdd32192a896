"""The store of the read models, Valkey, as an embedded server."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import redis

from ops.embedded.folder import passwords, write_private
from ops.embedded.ports import LOOPBACK
from ops.embedded.server import EmbeddedServer
from ops.embedded.wheels import valkey_program

ValkeyUser = Literal["admin", "projector", "query"]
_USERS: tuple[ValkeyUser, ...] = ("admin", "projector", "query")
_RULES = Path(__file__).parents[2] / "deploy" / "valkey.acl"
_SETTINGS = _RULES.with_name("valkey.conf")


class EmbeddedValkey(EmbeddedServer):
    """Valkey that appends to disk each second, evicts nothing, and lets every service do no more than it needs."""

    title: ClassVar[str] = "Valkey"

    @property
    def url(self) -> str:
        """The address for the user that may do everything."""
        return self.url_for("admin")

    def url_for(self, user: ValkeyUser) -> str:
        """The address with name and password of a user."""
        return f"redis://{user}:{self._passwords[user]}@{LOOPBACK}:{self.port}/0"

    @cached_property
    def _passwords(self) -> dict[str, str]:
        self.data.mkdir(parents=True, exist_ok=True)
        return passwords(self.data / "passwords.json", _USERS)

    def _prepare(self) -> None:
        rules = [line for line in _RULES.read_text().splitlines() if line.startswith("user ")]
        hashes = {user: hashlib.sha256(password.encode()).hexdigest() for user, password in self._passwords.items()}
        filled = [line.replace("@password@", f"#{hashes.get(line.split()[1], '')}") for line in rules]
        write_private(self.data / "users.acl", "\n".join(filled) + "\n")
        place = f'bind {LOOPBACK}\nport {self.port}\ndir "{self.data}"\naclfile "{self.data / "users.acl"}"\n'
        write_private(self.data / "valkey.conf", place + _SETTINGS.read_text())

    def _command(self) -> list[str]:
        return [str(valkey_program()), str(self.data / "valkey.conf")]

    def _answers(self, pid: int) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, retry=None) as client:
                return bool(client.info("server")["process_id"] == pid and not client.info("persistence")["loading"])
        except (redis.RedisError, OSError):
            return False
