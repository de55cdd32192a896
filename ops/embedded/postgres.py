"""The log's home, PostgreSQL 18, as an embedded server."""

import os
import shutil
import signal
import subprocess
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from ops.child import spawn
from ops.embedded.errors import ServerError, StartFailed
from ops.embedded.folder import passwords, write_private
from ops.embedded.ports import LOOPBACK
from ops.embedded.postgres_user import postgres_user
from ops.embedded.server import EmbeddedServer
from ops.embedded.wheels import postgres_program
from ops.process import end, programs_in

PostgresRole = Literal["postgres", "obverse_migrator", "obverse_service"]
DATABASE = "obverse"
_ROLES: tuple[PostgresRole, ...] = ("postgres", "obverse_migrator", "obverse_service")
_BOOTSTRAP = Path(__file__).parents[2] / "command_service" / "postgres" / "bootstrap.sql"
_SETTINGS = Path(__file__).parents[2] / "deploy" / "postgres.conf"
_ACCESS = f"host all all {LOOPBACK}/32 scram-sha-256\n"


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL with checksums and every commit on disk; `start` also makes the roles and the database `obverse`.

    Run by root, the server itself runs as another user (see ops.embedded.postgres_user).
    """

    title: ClassVar[str] = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": open transactions are rolled back

    def dsn(self, role: PostgresRole, database: str = DATABASE) -> str:
        """The address of a database for a role, with its password."""
        return f"postgresql://{role}:{self._passwords[role]}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Makes a database with the rights of `obverse`, where it is missing; the server must run."""
        if not self._sql("postgres", f"SELECT oid FROM pg_database WHERE datname = '{name}'"):
            self._sql("postgres", f'CREATE DATABASE "{name}"')
        self._sql(name, _BOOTSTRAP.read_text())

    @cached_property
    def _passwords(self) -> dict[str, str]:
        self.data.mkdir(parents=True, exist_ok=True)
        return passwords(self.data / "passwords.json", _ROLES)

    @property
    def _cluster(self) -> Path:
        return self.data / "cluster"

    def _prepare(self) -> None:
        self._user = postgres_user(self._cluster, (self.data, postgres_program("postgres")))
        if not self._cluster.exists():
            self._make_cluster()
        self._drop_stale_lock()
        place = f"listen_addresses = '{LOOPBACK}'\nport = {self.port}\nunix_socket_directories = ''\n"
        self._write("postgresql.conf", place + _SETTINGS.read_text())
        self._write("pg_hba.conf", _ACCESS)

    def _make_cluster(self) -> None:
        draft, password = self.data / "cluster.new", self.data / "password.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        write_private(password, self._passwords["postgres"])
        self._give(draft, password)
        options = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}", "--data-checksums"]
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command = [str(postgres_program("initdb")), f"--pgdata={draft}", *options, *locale]
        process = spawn(command, self.log, env=self._environment(), cwd=Path("/"), user=self._user)
        failed = process.wait()
        password.unlink()
        if failed:
            raise StartFailed(f"initdb failed in {draft}; the end of {self.log}:\n{self._log_end()}")
        draft.rename(self._cluster)

    def _drop_stale_lock(self) -> None:
        # PostgreSQL gives up where the pid in its lock file has been used again by another program. The file may only
        # go when no process of an earlier server is left: a busy one outlives its killed postmaster for a while.
        for process in programs_in(self._cluster, "postgres"):
            end(process, signal.SIGKILL, self.stop_seconds)
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)

    def _give(self, *paths: Path) -> None:
        if self._user:
            for path in paths:
                os.chown(path, self._user.uid, self._user.gid)

    def _write(self, name: str, text: str) -> None:
        write_private(self._cluster / name, text)
        self._give(self._cluster / name)

    def _command(self) -> list[str]:
        return [str(postgres_program("postgres")), "-D", str(self._cluster)]

    def _answers(self, pid: int) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) == 8 and int(lines[0]) == pid and lines[7].strip() == "ready"

    def _after_start(self) -> None:
        self.create_database(DATABASE)

    def _sql(self, database: str, statements: str) -> str:
        roles = ("migrator", "service")
        settings = " ".join(f"-c obverse.{role}_password={self._passwords[f'obverse_{role}']}" for role in roles)
        environment = {**self._environment(), "PGPASSWORD": self._passwords["postgres"], "PGOPTIONS": settings}
        address = f"postgresql://postgres@{LOOPBACK}:{self.port}/{database}"
        command = [str(postgres_program("psql")), "-XqtA", "-v", "ON_ERROR_STOP=1", address]
        done = subprocess.run(command, input=statements, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerError(f"PostgreSQL on {self.data} refused, in {database}: {done.stderr.strip()}")
        return done.stdout.strip()
