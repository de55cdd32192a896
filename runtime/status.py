"""How a process says how it is: HTTP /healthz, /metrics (Prometheus) and /status (JSON) on an address of its own."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess


class Status:
    """A process's state: what /status shows, and whether /healthz is content."""

    def __init__(self, service: str, state: str, healthy: bool = False) -> None:
        self.service = service
        self.state = state
        self.healthy = healthy
        self.details: Callable[[], dict[str, Any]] = dict
        """Gives what /status shows beside service and state; called in another thread, so it must only read."""

    def shown(self) -> dict[str, Any]:
        """What /status answers."""
        return {"service": self.service, "state": self.state, **self.details()}


@contextmanager
def serve_status(status: Status, address: str) -> Iterator[str]:
    """Answer on `host:port` (port 0: any free one) while the block runs; gives the address that it became."""
    host, _, port = address.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), _handler(status))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="status", daemon=True)
    thread.start()
    try:
        yield f"{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(status: Status) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200 if status.healthy else 503, "text/plain", f"{status.state}\n".encode())
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, _metrics())
            elif self.path == "/status":
                self._answer(200, "application/json", json.dumps(status.shown()).encode())
            else:
                self._answer(404, "text/plain", b"There are /healthz, /metrics and /status.\n")

        def _answer(self, code: int, content_type: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_args: Any) -> None:
            """Say nothing: a health check every second is no news."""

    return Handler


def _metrics() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library is untyped there
    return generate_latest(registry)
