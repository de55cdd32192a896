"""Every grpcurl call of the README and of docs/calls.md, run as it stands, over reflection, in the page's order."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cqrs.log.v1 import log_service_pb2
from cqrs.shop.v1 import commands_pb2, queries_pb2

from ops.supervisor import System

ROOT = Path(__file__).parents[2]
CALLS = ROOT / "docs" / "calls.md"
FENCE = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)


class Call(NamedTuple):
    """A call as a page shows it, and the answer, where it shows one."""

    data: str
    address: str
    rpc: str
    answer: dict[str, Any] | None


def calls(page: Path) -> Iterator[Call]:
    """The grpcurl calls of a page."""
    blocks = [(match[1], match[2]) for match in FENCE.finditer(page.read_text())]
    for (kind, text), (next_kind, next_text) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        commands = re.findall(r"^grpcurl .*?[^\\]$", text, re.MULTILINE | re.DOTALL) if kind == "sh" else []
        for command in commands:
            _, plaintext, d, data, address, rpc = shlex.split(command.replace("\\\n", " "))
            assert (plaintext, d) == ("-plaintext", "-d"), command
            shown = json.loads(next_text) if next_kind == "json" and command == commands[-1] else None
            yield Call(data, address, rpc, shown)


def run(call: Call, system: System) -> dict[str, Any] | None:
    """The first message that a call is answered with, None when there is none."""
    address = {"127.0.0.1:50051": system.command_address, "127.0.0.1:50052": system.query_address}[call.address]
    if grpcurl := shutil.which("grpcurl"):
        command = [grpcurl, "-plaintext", "-d", call.data, address, call.rpc]
    else:
        buf = [str(Path(sys.executable).with_name("buf")), "curl", "--http2-prior-knowledge", "--protocol", "grpc"]
        command = [*buf, "-d", call.data, f"http://{address}/{call.rpc}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{call.rpc}: {done.stderr}"
    return json.JSONDecoder().raw_decode(done.stdout.strip())[0] if done.stdout.strip() else None


def missing(shown: Any, real: Any, path: str = "") -> Iterator[str]:
    """What a page shows that the real answer does not have."""
    if isinstance(shown, dict) and isinstance(real, dict):
        for key, value in shown.items():
            yield from missing(value, real.get(key), f"{path}.{key}")
    elif isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        for number, value in enumerate(shown):
            yield from missing(value, real[number], f"{path}[{number}]")
    elif shown != real:
        yield f"{path} is {real!r}, the page shows {shown!r}"


# promise 001-51, 002-24, card-4
@pytest.mark.parametrize("page", ["README.md", "docs/calls.md"])
def test_every_call_of_the_page_works_as_shown(system: System, page: str) -> None:
    found = list(calls(ROOT / page))
    assert len(found) >= 3
    for call in found:
        answer = run(call, system)
        assert not list(missing(call.answer or {}, answer)), f"{call.rpc} {call.data}"


def test_every_rpc_is_on_the_page_of_calls() -> None:
    services = [
        service
        for file in (commands_pb2, queries_pb2, log_service_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
    ]
    rpcs = {f"{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert rpcs <= {call.rpc for call in calls(CALLS)}
