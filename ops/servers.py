"""The embedded servers of one system, and what each service has to be told about them."""

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from command_service.postgres.migrate import migrate
from ops.embedded import EmbeddedMail, EmbeddedNats, EmbeddedPostgres, EmbeddedValkey
from ops.keep import Unit
from ops.service import Service

_ROOT = Path(__file__).resolve().parent.parent
NAMES = ("postgres", "nats", "valkey", "mail")
"""In the order of starting."""


class Servers:
    """PostgreSQL, NATS, Valkey and the mail server, each in its folder under `data`, their logs under `data`/logs."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.postgres = EmbeddedPostgres(data / "postgres", log=log_of(data, "postgres"))
        self.nats = EmbeddedNats(data / "nats", log=log_of(data, "nats"))
        self.valkey = EmbeddedValkey(data / "valkey", log=log_of(data, "valkey"))
        self.mail = EmbeddedMail(mail_folder(data), log=log_of(data, "mail"))
        self.units: dict[str, Unit] = dict(zip(NAMES, (self.postgres, self.nats, self.valkey, self.mail), strict=True))

    def settings(self, service: str, command_address: str, query_address: str) -> dict[str, str]:
        """Every variable that says where something is, each with the user that the service logs in as."""
        projector = service == "projector"
        return {
            "OBVERSE_POSTGRES_DSN": self.postgres.dsn("obverse_service"),
            "OBVERSE_NATS_URL": self.nats.url_for("projector" if projector else "relay"),
            "OBVERSE_REDIS_URL": self.valkey.url_for("projector" if projector else "query"),
            "OBVERSE_COMMAND_ADDRESS": command_address,
            "OBVERSE_LOG_ADDRESS": command_address,
            "OBVERSE_QUERY_ADDRESS": query_address,
            "OBVERSE_SMTP_URL": self.mail.url,
            "OBVERSE_SANDBOX_PAYMENTS": str(payments_file(self._data)),
        }

    def environment(
        self, service: Service, command_address: str, query_address: str, given: Mapping[str, str]
    ) -> dict[str, str]:
        """The environment that a service is started with, but for its status address; what is given adds to it."""
        own = self.settings(service.name, command_address, query_address)
        more = {key: value for key, value in given.items() if key not in own}
        roots = f"{_ROOT}{os.pathsep}{_ROOT / 'generated'}"
        return {**more, "PYTHONPATH": roots, "PYTHONUNBUFFERED": "1", **{key: own[key] for key in service.needs}}

    def migrate(self, report: Callable[[str], None]) -> None:
        """Brings the database to this version's schema; MigrationError."""
        dsn = self.postgres.dsn("obverse_migrator")
        # In a thread: the caller may have an event loop running.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(migrate(dsn, report))).result()


def mail_folder(data: Path) -> Path:
    """Where the mail server keeps what it gets."""
    return data / "mail"


def payments_file(data: Path) -> Path:
    """Where the sandbox provider keeps its books."""
    return data / "payments.sqlite"


def log_of(data: Path, name: str) -> Path:
    """Where the part of that name logs."""
    return data / "logs" / f"{name}.log"
