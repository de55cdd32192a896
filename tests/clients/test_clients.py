"""Clients in other languages that know the contracts alone, against a running system; `make test-clients` runs them."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from cqrs.shop.v1.queries_pb2 import ListOrdersRequest
from cqrs.shop.v1.queries_pb2_grpc import OrderQueryServiceStub

from ops.run_state import RunState
from ops.supervisor import System

pytestmark = pytest.mark.clients

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUF = str(Path(sys.executable).with_name("buf"))
BUILD_SECONDS = 900.0
"""The first build downloads and compiles what the pinned versions name."""
RUN_SECONDS = 90.0
TOO_EARLY = 'obverse_rpc_total{code="UNAVAILABLE",rpc="cqrs.shop.v1.OrderQueryService.GetOrder"}'


@dataclass(frozen=True)
class Client:
    """How a client is built, step by step, and run; `proves` ends the line that it prints."""

    tools: tuple[str, ...]
    build: tuple[tuple[str, ...], ...]
    run: tuple[str, ...]
    proves: str = "chain=ok"


CLIENTS = {
    "go": Client(
        ("go",),
        (
            (BUF, "generate", "--template", "tests/clients/go/buf.gen.yaml"),
            ("go", "-C", "{here}", "build", "-o", "{out}/client", "."),
        ),
        ("{out}/client",),
        "chain=ok stream=ok",
    ),
    "node": Client(
        ("node", "npm"),
        (("npm", "--prefix", "{here}", "ci"),),
        ("node", "{here}/client.js"),
    ),
    "java": Client(
        ("java", "mvn"),
        (("mvn", "-B", "-ntp", "-q", "-f", "{here}/pom.xml", "package"),),
        ("java", "-jar", "{here}/target/client.jar"),
    ),
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One running system for every language."""
    with System(tmp_path_factory.mktemp("system")) as system:
        yield system


# promise card-4
@pytest.mark.parametrize("language", CLIENTS)
def test_a_client_in_another_language_orders_reads_its_writes_and_proves_the_log(
    language: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    client = CLIENTS[language]
    for tool in client.tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not present")
    places = {"here": str(HERE / language), "out": str(tmp_path)}
    for step in client.build:
        run([part.format(**places) for part in step], dict(os.environ), BUILD_SECONDS)
    system: System = request.getfixturevalue("system")
    attempts = too_early(system)

    said = run([part.format(**places) for part in client.run], environment(system), RUN_SECONDS)

    assert said.splitlines() == [f"client: language={language} orders={orders(system)} {client.proves}"]
    assert too_early(system) - attempts == 4, "one query that came too early, tried as often as the service config says"


def environment(system: System) -> dict[str, str]:
    """All that a client is told."""
    return {
        **os.environ,
        "OBVERSE_COMMAND_ADDRESS": system.command_address,
        "OBVERSE_QUERY_ADDRESS": system.query_address,
        "OBVERSE_SERVICE_CONFIG": str(ROOT / "docs" / "service-config.json"),
        "OBVERSE_NATS_URL": system.nats.url,
    }


def run(command: list[str], environ: dict[str, str], seconds: float) -> str:
    """What a program prints; its errors are the test's."""
    done = subprocess.run(command, cwd=ROOT, env=environ, timeout=seconds, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def orders(system: System) -> int:
    """How many orders there are."""
    with grpc.insecure_channel(system.query_address) as channel:
        return OrderQueryServiceStub(channel).ListOrders(ListOrdersRequest(page_size=1)).total_size


def too_early(system: System) -> int:
    """How often the query server said that it has not caught up."""
    state = RunState.read(system.data)
    service = state and state.named("query_service")
    assert service
    with urllib.request.urlopen(f"http://{service.address}/metrics", timeout=10) as answer:
        found = re.search(re.escape(TOO_EARLY) + r" (\S+)", answer.read().decode())
    return int(float(found[1])) if found else 0
