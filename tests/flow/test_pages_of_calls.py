"""Every grpcurl call of the README and of the pages of calls, run as it stands, over reflection, in the page's order.

A shown answer is that of the block's last call, and of a stream its last message. A query that says how fresh its
answer must be is asked once; one that does not is asked again until the answer is as shown, while what leads to it may
be under way.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cqrs.admin.v1 import commands_pb2 as admin
from cqrs.log.v1 import log_service_pb2

from command_service import deciders
from ops.supervisor import System
from query_service import answers

ROOT = Path(__file__).parents[2]
CALLS = ("docs/calls.md", *sorted(f"docs/calls/{page.name}" for page in (ROOT / "docs" / "calls").glob("*.md")))
CONTRACTS = (*deciders.CONTRACTS, *answers.CONTRACTS, admin.DESCRIPTOR, log_service_pb2.DESCRIPTOR)
FENCE = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)
COMMANDS, QUERIES = "127.0.0.1:50051", "127.0.0.1:50052"
SOON = {"OBVERSE_CHANNELS": "payments:attempts=3,first=0.1"}
"""What a page says that one can set so that a command which fails does so in seconds."""
PATIENCE_SECONDS = 20.0


class Call(NamedTuple):
    """A call as a page shows it, and the answer, where it shows one."""

    data: str
    address: str
    rpc: str
    answer: dict[str, Any] | None

    @property
    def may_be_early(self) -> bool:
        """Whether it is a query of what the views hold at the moment."""
        return self.address == QUERIES and "consistency" not in json.loads(self.data)


def calls(page: Path) -> Iterator[Call]:
    """The grpcurl calls of a page."""
    blocks = [(match[1], match[2]) for match in FENCE.finditer(page.read_text())]
    for (kind, text), (next_kind, next_text) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        made = list(arguments(text)) if kind == "sh" and "grpcurl " in text else []
        for number, (plaintext, d, data, address, rpc) in enumerate(made, start=1):
            assert (plaintext, d) == ("-plaintext", "-d"), text
            shown = json.loads(next_text) if next_kind == "json" and number == len(made) else None
            yield Call(data, address, rpc, shown)


def arguments(block: str) -> Iterator[list[str]]:
    """The arguments of each grpcurl in a block, as a shell understands it."""
    echo = "grpcurl() { printf '%s\\0' \"$@\" END; }\n"
    done = subprocess.run(["bash", "-euc", echo + block], capture_output=True, text=True, timeout=10, check=True)
    for call in done.stdout.split("END\0")[:-1]:
        yield call.split("\0")[:-1]


def faults(call: Call, system: System) -> list[str]:
    """Why a call failed, or what the page shows that it was not answered with."""
    address = {COMMANDS: system.command_address, QUERIES: system.query_address}[call.address]
    if grpcurl := shutil.which("grpcurl"):
        command = [grpcurl, "-plaintext", "-d", call.data, address, call.rpc]
    else:
        buf = [str(Path(sys.executable).with_name("buf")), "curl", "--http2-prior-knowledge", "--protocol", "grpc"]
        command = [*buf, "-d", call.data, f"http://{address}/{call.rpc}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return [done.stderr] if done.returncode else list(missing(call.answer or {}, last_of(done.stdout)))


def last_of(printed: str) -> dict[str, Any]:
    """The last of the messages that were printed one after another; empty where there is none."""
    message: dict[str, Any] = {}
    rest = printed.strip()
    while rest:
        message, end = json.JSONDecoder().raw_decode(rest)
        rest = rest[end:].lstrip()
    return message


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


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A fresh system, as the pages say; each leaves alone what the others name."""
    with System(tmp_path_factory.mktemp("pages"), environ=SOON) as system:
        yield system


# promise 001-51, 002-24, card-4
@pytest.mark.parametrize("page", ["README.md", *CALLS])
def test_every_call_of_the_page_works_as_shown(fresh: System, page: str) -> None:
    found = list(calls(ROOT / page))
    assert len(found) >= 3
    for call in found:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (wrong := faults(call, fresh)) and call.may_be_early and time.monotonic() < deadline:
            pass
        assert not wrong, f"{call.rpc} {call.data}"


def test_every_rpc_is_on_a_page_of_calls() -> None:
    services = [service for file in CONTRACTS for service in file.services_by_name.values()]
    rpcs = {f"{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert rpcs <= {call.rpc for page in CALLS for call in calls(ROOT / page)}
