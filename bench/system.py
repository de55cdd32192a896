"""Beside the flow: a whole system for one benchmark, on embedded servers, each part started and stopped alone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from bench.cpu import machine_cores, pin
from bench.parts import ACCEPTING, MODULES, more_settings, program
from command_service.postgres.migrate import migrate
from ops.child import spawn
from ops.embedded import EmbeddedNats, EmbeddedPostgres, EmbeddedValkey
from ops.embedded.ports import free_port

_READY_SECONDS = 60.0
_CONNECTIONS = 300


class NotRunning(RuntimeError):
    """A part of the system under test did not start or stop; says which one and where its log is."""


class BenchSystem:
    """PostgreSQL, NATS, Valkey and the four services on loopback ports of their own, data in `folder`."""

    def __init__(self, folder: Path, processes: Mapping[str, int] | None = None) -> None:
        """`processes`: how many command_service and query_service processes, 1 unless named."""
        self.folder = folder
        self.postgres = EmbeddedPostgres(folder / "postgres")
        self.nats = EmbeddedNats(folder / "nats")
        self.valkey = EmbeddedValkey(folder / "valkey")
        addresses = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.command_address, self.query_address, self.accepting_address = addresses
        self._processes = dict(processes or {})
        self._status: dict[str, str] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._stack.enter_context(self.postgres)
            self._widen_postgres()
            self._stack.enter_context(self.nats)
            self._stack.enter_context(self.valkey)
            self._migrate("obverse")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)
        self._stack.close()

    def start(self, *names: str) -> None:
        """Start services (all four when none is named) and wait until each says that it is healthy."""
        for name in names or MODULES:
            self.launch(name)
        for name in names or MODULES:
            self.wait_healthy(name)

    @contextmanager
    def running(self, *names: str) -> Iterator[None]:
        """Services that run until the block ends."""
        self.start(*names)
        try:
            yield
        finally:
            for name in reversed(names):
                self.stop(name)

    def launch(self, name: str) -> None:
        """Start one service and wait for nothing."""
        self._status[name] = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", *program(name)]
        log = self.folder / f"{name}.log"
        self._running[name] = spawn(command, log, env=self._environment(name), cwd=Path.cwd())

    def stop(self, name: str) -> None:
        """Drain one service and wait for its end; one that does not end within 20 s is killed and named."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise NotRunning(f"{name} did not drain within 20 s; see {self.folder / name}.log") from None

    def new_database(self, name: str) -> str:
        """Make and migrate one more database on the same server; its address for the service role."""
        self.postgres.create_database(name)
        self._migrate(name)
        return self.postgres.dsn("obverse_service", name)

    @property
    def plain_dsn(self) -> str:
        """A database for limits and alternatives, with the right to make tables."""
        return self.postgres.dsn("postgres", "postgres")

    @property
    def pids(self) -> dict[str, int]:
        """Every process under test, servers first; children belong to the one that started them."""
        servers = {"postgres": self.postgres.pid, "nats": self.nats.pid, "valkey": self.valkey.pid}
        return {**servers, **{name: process.pid for name, process in self._running.items()}}

    def pin_apart(self, alone: str) -> None:
        """Give the process `alone` the first core and all others the rest; `release` undoes it."""
        first, *rest = machine_cores()
        for name, pid in self.pids.items():
            pin(pid, [first] if name == alone else rest or [first])

    def release(self) -> None:
        """Let every process use every core again."""
        for pid in self.pids.values():
            pin(pid, machine_cores())

    def _widen_postgres(self) -> None:
        async def widen() -> None:
            connection = await asyncpg.connect(self.plain_dsn)
            await connection.execute(f"ALTER SYSTEM SET max_connections = {_CONNECTIONS}")
            await connection.close()

        asyncio.run(widen())
        self.postgres.stop()
        self.postgres.start()

    def _migrate(self, database: str) -> None:
        asyncio.run(migrate(self.postgres.dsn("obverse_migrator", database), lambda line: None))

    def _environment(self, name: str) -> dict[str, str]:
        keep = {key: value for key, value in os.environ.items() if not key.startswith("OBVERSE_")}
        count = self._processes.get(name, 1)
        settings = {
            "POSTGRES_DSN": self.postgres.dsn("obverse_service"),
            "NATS_URL": self.nats.url_for("projector" if name == "projector" else "relay"),
            "REDIS_URL": self.valkey.url_for("projector" if name == "projector" else "query"),
            "COMMAND_ADDRESS": self.accepting_address if name == ACCEPTING else self.command_address,
            "LOG_ADDRESS": self.command_address,
            "QUERY_ADDRESS": self.query_address,
            "COMMAND_PROCESSES": str(count),
            "QUERY_PROCESSES": str(count),
            "STATUS_ADDRESS": self._status[name],
            "LOG_FORMAT": "json",
            **more_settings(name),
        }
        return {**keep, **{f"OBVERSE_{key}": value for key, value in settings.items()}}

    def wait_healthy(self, name: str) -> None:
        """Wait until a started service says so on /healthz; NotRunning after 60 s or when it has died."""
        limit = time.monotonic() + _READY_SECONDS
        while time.monotonic() < limit and self._running[name].poll() is None:
            try:
                with urllib.request.urlopen(f"http://{self._status[name]}/healthz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.05)
        end = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-8:]
        raise NotRunning("\n".join([f"{name} is not healthy, or died. The end of its log:", *end]))
