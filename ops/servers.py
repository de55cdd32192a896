"""The three embedded servers of one system, and what each service has to be told about them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from command_service.postgres.migrate import migrate
from ops.embedded import EmbeddedNats, EmbeddedPostgres, EmbeddedValkey


class Servers:
    """PostgreSQL, NATS and Valkey, each in its folder under `data`, their logs under `data`/logs."""

    def __init__(self, data: Path) -> None:
        self.postgres = EmbeddedPostgres(data / "postgres", log=log_of(data, "postgres"))
        self.nats = EmbeddedNats(data / "nats", log=log_of(data, "nats"))
        self.valkey = EmbeddedValkey(data / "valkey", log=log_of(data, "valkey"))

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
        }

    def migrate(self, report: Callable[[str], None]) -> None:
        """Brings the database to this version's schema; MigrationError."""
        dsn = self.postgres.dsn("obverse_migrator")
        # In a thread: the caller may have an event loop running.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(migrate(dsn, report))).result()


def log_of(data: Path, name: str) -> Path:
    """Where the part of that name logs."""
    return data / "logs" / f"{name}.log"
