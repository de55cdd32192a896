"""The house's own rules, held by tests: who may import what, where things are wired, how large a piece may be."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from command_service.event_log import EventLog

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICES = ("command_service", "projector", "query_service")


def sources(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


# promise 000-25, 001-58, 002-20, 003-18
def test_domains_know_no_transport_and_services_do_not_know_one_another() -> None:
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}
    lint = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    ran = subprocess.run(lint, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "0 broken" in ran.stdout


# promise 001-5, 002-6, 002-7
def test_the_write_side_can_only_append_and_read_by_stream_or_position() -> None:
    """There are no tables of orders to query or to upsert into: the log takes their place."""
    public = {name for name in vars(EventLog) if not name.startswith("_")}
    assert public == {"append", "read_stream", "read_log", "head", "wait_beyond"}


# promise 002-21
def test_the_environment_is_read_only_where_a_process_is_put_together() -> None:
    allowed = {"__main__.py", "siblings.py", "status.py"}
    for path, module in sources(*SERVICES, "runtime"):
        names = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
        assert "environ" not in names or path.name in allowed, path


# promise 003-23
def test_pieces_are_small_enough_to_be_read() -> None:
    """A file of 170 lines and a function of 32 are the most; what is usual is half of that."""
    files: list[int] = []
    functions: list[int] = []
    for path, module in sources(*SERVICES, "runtime", "ops"):
        files.append(len((ROOT / path).read_text().splitlines()))
        assert files[-1] <= 170, path
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.append((node.end_lineno or node.lineno) - node.lineno + 1)
                assert functions[-1] <= 32, f"{path}:{node.lineno} {node.name}"
    assert sorted(functions)[len(functions) // 2] <= 12
    assert sorted(files)[len(files) // 2] <= 100


# promise 002-23
def test_the_documents_say_when_not_to_use_it_and_what_it_costs() -> None:
    text = (ROOT / "docs" / "when-not.md").read_text()
    for heading in ("## Do not use it when", "## What it costs", "## Money needs care"):
        assert heading in text
    for cost in ("staleness", "two models", "operation"):
        assert f"| {cost} |" in text


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} → {target}"
