"""`obverse connect`: how to look inside a server of the running system, and its client where there is one."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.embedded.wheels import postgres_program
from ops.output import Trouble
from ops.run_state import RunState
from ops.servers import Servers

SERVERS = ("postgres", "nats", "valkey")


@dataclass(frozen=True)
class Entry:
    """A way in: the address with its password, the client (None where there is none), what to try there."""

    url: str
    client: str | None
    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    hints: Sequence[str] = ()

    def open(self) -> None:
        """Becomes the client; Trouble where there is none."""
        if not self.client:
            raise Trouble(f"No client for this server is installed; any will do, with the address {self.url}")
        os.execve(self.client, [self.client, *self.arguments], {**os.environ, **self.environment})


def entry(data: Path, server: str) -> Entry:
    """The way into a server that runs; Trouble when it does not."""
    if server not in SERVERS:
        raise Trouble(f"There is no server {server}; there are {', '.join(SERVERS)}")
    state = RunState.read(data)
    running = state.named(server) if state else None
    if not running or not running.alive:
        raise Trouble(f"{server} does not run in {data}; `obverse up` starts it")
    servers = Servers(data)
    part = {"postgres": servers.postgres, "nats": servers.nats, "valkey": servers.valkey}[server]
    part.port = int(running.address.rpartition(":")[2])
    return {"postgres": _postgres, "nats": _nats, "valkey": _valkey}[server](servers)


def _postgres(servers: Servers) -> Entry:
    url = servers.postgres.dsn("obverse_service")
    address, password = _without_password(url)
    hints = (
        r"\dt obverse.*",
        "SELECT epoch, position FROM obverse.head;",
        "SELECT position, type, stream FROM obverse.log ORDER BY position DESC LIMIT 10;",
    )
    return Entry(url, str(postgres_program("psql")), [address], {"PGPASSWORD": password}, hints)


def _nats(servers: Servers) -> Entry:
    hints = ("nats stream info LOG", "nats stream view LOG", "nats consumer ls LOG")
    environment = {"NATS_URL": servers.nats.url}
    return Entry(servers.nats.url, shutil.which("nats"), ["stream", "info", "LOG"], environment, hints)


def _valkey(servers: Servers) -> Entry:
    url = servers.valkey.url_for("query")
    address, password = _without_password(url)
    client = shutil.which("valkey-cli") or shutil.which("redis-cli")
    hints = ("HGETALL cp:head", "GET cp:shop.orders", "HGETALL cp:shop.orders:1")
    return Entry(url, client, ["-u", address], {"REDISCLI_AUTH": password, "VALKEYCLI_AUTH": password}, hints)


def _without_password(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    user, _, place = rest.partition("@")
    name, _, password = user.partition(":")
    return f"{scheme}://{name}@{place}", password
