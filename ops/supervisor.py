"""Runs the whole system on one machine: embedded servers, the migrations, the services, each kept alive.

`obverse up` and the tests use the same object, from any thread::

    with System(folder) as system:                  # free ports; system.command_address, system.query_address
        system.kill("relay")                        # as a crash would; it comes back by itself
        system.kill("nats", stay_down=True)         # … and this one does not
        system.start_one("nats")
        system.wait_healthy("relay", seconds=20)
        system.stop_one("projector")                # drains, stays down until start_one
        system.status("projector")                  # its /status, None when it does not answer
        environment = system.environment("relay")   # e.g. to run a second relay by hand

The names are postgres, nats, valkey, mail, command_service, relay, projector, query_service, worker. The servers
themselves are `system.postgres`, `system.nats`, `system.valkey`, `system.mail` (see ops.embedded); the mails are in
`system.mail.mailbox`. `restart=False` keeps nothing alive.
Everything that was started ends with `stop`, and soon after this process when that is killed.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from ops.clear import clear
from ops.embedded import AlreadyRunning
from ops.embedded.folder import Hold
from ops.embedded.ports import LOOPBACK, free_port
from ops.keep import Keeper, Unit
from ops.roster import Roster
from ops.servers import Servers, log_of
from ops.service import SERVICES, Service, ServiceProcess

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0


def silent(_line: str) -> None:
    """Reports nothing."""


class System:
    """All of Obverse on one data folder. `start` and `stop` are not for two threads at once; the rest may be."""

    def __init__(
        self,
        data: Path,
        command_port: int = 0,
        query_port: int = 0,
        *,
        environ: Mapping[str, str] | None = None,
        services: Sequence[Service] = SERVICES,
        restart: bool = True,
        report: Callable[[str], None] = silent,
    ) -> None:
        """`environ` adds to the services' environment, e.g. OBVERSE_COMMAND_PROCESSES; port 0 is any free one."""
        self.data = data.absolute()
        self.command_address = f"{LOOPBACK}:{command_port or free_port()}"
        self.query_address = f"{LOOPBACK}:{query_port or free_port()}"
        self._servers = Servers(self.data)
        self.postgres, self.nats = self._servers.postgres, self._servers.nats
        self.valkey, self.mail = self._servers.valkey, self._servers.mail
        self._report, self._restart = report, restart
        self._environ = dict(environ or {})
        self._hold = Hold(self.data)
        self._services = {service.name: self._process(service) for service in services}
        units: dict[str, Unit] = {**self._servers.units, **self._services}
        self._roster = Roster(self.data, self.command_address, self.query_address, units)
        self._keepers = {name: Keeper(unit, report, self._roster.write, restart) for name, unit in units.items()}

    def start(self) -> Self:
        """Starts everything and returns when each part is healthy; on any error what was started ends again.

        AlreadyRunning when another process runs this data folder, PortTaken, StartFailed with the end of a log,
        MigrationError.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        log_of(self.data, "any").parent.mkdir(exist_ok=True)
        if (holder := self._hold.acquire()) is not None:
            raise AlreadyRunning(f"Obverse runs in {self.data} already (process {holder}); `obverse down` stops it")
        try:
            addresses = {"OBVERSE_COMMAND_ADDRESS": self.command_address, "OBVERSE_QUERY_ADDRESS": self.query_address}
            clear(self.data, addresses, self._report)
            self._start_servers()
            self._start_services()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Drains and ends everything in the reverse order of starting; harmless when nothing runs."""
        for name, keeper in reversed(self._keepers.items()):
            if keeper.unit.pid:
                self._report(f"Stopping {name}")
            keeper.stop()
        self._roster.clear()
        self._hold.release()

    def kill_all(self) -> None:
        """SIGKILL to every part, which stays down, as when the machine dies; `start` may follow."""
        for keeper in self._keepers.values():
            keeper.kill(stay_down=True)
        self._hold.release()

    def start_one(self, name: str) -> None:
        """Starts one part; a server answers when this returns, for a service see `wait_healthy`."""
        self._keepers[name].start()

    def stop_one(self, name: str) -> None:
        """Drains and ends one part, which then stays down."""
        self._keepers[name].stop()

    def kill(self, name: str, *, stay_down: bool = False) -> None:
        """SIGKILL to one part; it is started again after half a second, unless it is to stay down."""
        self._keepers[name].kill(stay_down or not self._restart)

    def pid(self, name: str) -> int:
        """The pid of one part, 0 when it is down."""
        return self._keepers[name].unit.pid

    def status(self, name: str) -> dict[str, Any] | None:
        """What a service says of itself; None when it does not answer."""
        return self._services[name].status()

    def wait_healthy(self, name: str, seconds: float = START_SECONDS) -> None:
        """Returns when a service is healthy, also one that is just being started again; StartFailed else."""
        self._services[name].wait_healthy(seconds, even_if_down=self._restart)

    def environment(self, name: str) -> dict[str, str]:
        """The environment that a service is started with, but for its status address."""
        service, given = self._services[name].service, {**os.environ, **self._environ}
        return self._servers.environment(service, self.command_address, self.query_address, given)

    def _process(self, service: Service) -> ServiceProcess:
        return ServiceProcess(service, log_of(self.data, service.name), ROOT, lambda: self.environment(service.name))

    def _start_servers(self) -> None:
        self._report("Starting PostgreSQL, NATS, Valkey and the mail server")
        with ThreadPoolExecutor(len(self._servers.units)) as threads:
            for started in [threads.submit(self._keepers[name].start) for name in self._servers.units]:
                started.result()
        self._servers.migrate(self._report)

    def _start_services(self) -> None:
        for name in self._services:
            self._report(f"Starting {name}")
            self._keepers[name].start()
        for service in self._services.values():
            service.wait_healthy(START_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
