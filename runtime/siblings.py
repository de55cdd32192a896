"""Several processes of one server on one port: a parent that starts them, restarts one that died, adds them up."""

import asyncio
import json
import os
import socket
import sys
import tempfile
import urllib.request
from typing import Any

import structlog

from runtime.lifetime import until_stopped
from runtime.status import Status, serve_status

log = structlog.get_logger()

SIBLING = "OBVERSE_SIBLING"
"""Set in each of the processes: it shares its port and starts no others."""

RESTART_SECONDS = 1.0


def is_sibling() -> bool:
    """True in one of several processes on a port."""
    return SIBLING in os.environ


async def run_siblings(module: str, count: int, status_address: str, drain_seconds: float) -> None:
    """Run `count` processes of `python -m module` until stopped; /status is the first one's, /metrics the sum."""
    with tempfile.TemporaryDirectory(prefix="obverse-metrics-") as metrics:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
        addresses = [f"127.0.0.1:{_free_port()}" for _ in range(count)]
        status = Siblings(module, addresses)
        with serve_status(status, status_address):
            kept = [asyncio.create_task(_keep(module, address, drain_seconds)) for address in addresses]
            await until_stopped()
            for task in kept:
                task.cancel()
            await asyncio.gather(*kept, return_exceptions=True)


class Siblings(Status):
    """The state of all processes together, asked of them at the moment."""

    def __init__(self, service: str, addresses: list[str]) -> None:
        super().__init__(service, "STARTING")
        self._addresses = addresses

    @property
    def healthy(self) -> bool:
        """True when every process is."""
        return all(self._ask(address, "healthz") is not None for address in self._addresses)

    @healthy.setter
    def healthy(self, _value: bool) -> None:
        """The processes know better."""

    def shown(self) -> dict[str, Any]:
        """What the first process says of itself, and how many there are."""
        first = self._ask(self._addresses[0], "status")
        shown = json.loads(first) if first else {"service": self.service, "state": "STARTING"}
        return {**shown, "processes": len(self._addresses)}

    @staticmethod
    def _ask(address: str, path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(f"http://{address}/{path}", timeout=1) as answer:
                body: bytes = answer.read()
                return body
        except OSError:  # not there yet, or unhealthy: HTTPError is one too
            return None


async def _keep(module: str, status_address: str, drain_seconds: float) -> None:
    """Keep one process running until cancelled, then drain it."""
    environ = {**os.environ, SIBLING: "1", "OBVERSE_STATUS_ADDRESS": status_address}
    while True:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, env=environ)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            if process.returncode is None:
                process.terminate()
                await asyncio.wait_for(process.wait(), drain_seconds + 5)
            raise
        log.error("a process ended: starting it again", module=module, exit_status=code, seconds=RESTART_SECONDS)
        await asyncio.sleep(RESTART_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
