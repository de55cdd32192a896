"""What the documents say of the command line and of settings, held against both."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main

from command_service.channels import DEFAULT_POLICY, Channels
from command_service.executions import Executions
from command_service.relay.settings import Settings as Relay
from command_service.settings import Settings as CommandService
from command_service.worker.arguments import parse
from command_service.worker.settings import Settings as Worker
from ops.cli import app
from ops.settings import Settings as Ops
from projector.settings import Settings as Projector
from query_service.settings import Settings as QueryService

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
OPERATE = ROOT / "docs" / "operate.md"
SETTINGS = (CommandService, Relay, Worker, Projector, QueryService, Ops)
ELSEWHERE = {"OBVERSE_MIGRATE_DSN"}
"""Read by a command, not by a process."""
PROGRAM: Any = typer.main.get_command(app)


def spans(beginning: str) -> Iterator[tuple[Path, str]]:
    """Every piece of code in a page that begins so, with the pieces of a list like `get ID` left out."""
    for page in PAGES:
        for span in re.findall(rf"`((?:\.venv/bin/)?{beginning}[^`\n]*)`", page.read_text()):
            yield page, span.removeprefix(".venv/bin/")


def test_every_command_line_of_the_documents_is_one_that_there_is() -> None:
    found = list(spans("obverse "))
    assert len(found) > 20
    for page, line in found:
        command = PROGRAM
        for word in re.split(r"\s+", line.replace("\\|", " ").replace("…", "").removeprefix("obverse ")):
            option = word.strip("[],")
            if option.startswith("-"):
                assert option in {each for p in command.params for each in p.opts}, f"{page.name}: {line}"
            elif word in getattr(command, "commands", {}):
                command = command.commands[word]
            elif hasattr(command, "commands") and command is PROGRAM:
                pytest.fail(f"{page.name}: {line}")


def test_every_setting_of_the_documents_is_one_that_there_is() -> None:
    known = {f"OBVERSE_{each.name.upper()}" for settings in SETTINGS for each in fields(settings)} | ELSEWHERE
    for page in PAGES:
        assert set(re.findall(r"\bOBVERSE_[A-Z_]*[A-Z]", page.read_text())) <= known, page.name


def test_the_worker_is_called_as_it_wants_to_be() -> None:
    page = (ROOT / "docs" / "asynchronous-commands.md").read_text()
    for option in ("--channel", "--limit", "--no-processes", "-v"):
        assert f"`{option}" in page
        parse(shlex.split({"--channel": "--channel orders", "--limit": "--limit 3"}.get(option, option)))


def test_the_examples_of_settings_are_understood() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    channels = re.findall(r'OBVERSE_CHANNELS="([^"]+)"', text) + re.findall(r"`([a-z]+:concurrency=[^`]+)`", text)
    executions = re.findall(r'OBVERSE_EXECUTION="([^"]+)"', text) + re.findall(r"`(cqrs\.[^`]+=sync)`", text)
    assert len(channels) >= 3
    assert len(executions) >= 2
    for example in channels:
        Channels.parse(example)
    for example in executions:
        assert Executions.parse(example).rpcs


def test_the_defaults_of_a_channel_are_as_the_page_says() -> None:
    row = re.compile(r"^\| (concurrency|attempts|first, longest|backlog) \|.*\| ([^|]+) \|$", re.MULTILINE)
    policy = DEFAULT_POLICY
    assert dict(row.findall((ROOT / "docs" / "asynchronous-commands.md").read_text())) == {
        "concurrency": f"{policy.concurrency}",
        "attempts": f"{policy.attempts}",
        "first, longest": f"{policy.first:g}, {policy.longest:g}",
        "backlog": f"{policy.backlog:,}",
    }


def test_the_defaults_of_the_worker_are_as_the_page_says() -> None:
    row = re.compile(r"^\| OBVERSE_([A-Z_]+) \| ([0-9,.]+)\b", re.MULTILINE)
    shown = {name.lower(): float(value.replace(",", "")) for name, value in row.findall(OPERATE.read_text())}
    defaults = {each.name: each.default for each in fields(Worker)}
    assert len(shown) >= 5
    assert shown == {name: defaults[name] for name in shown}
