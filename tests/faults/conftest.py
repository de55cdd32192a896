"""The seed of the long proofs, their system, and their table."""

import random
from collections.abc import Iterator

import pytest

from ops.supervisor import System
from tests.faults.scenario import OUTCOMES, Outcome


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """What `--seed` says, or a new one; the table shows it."""
    given: int | None = request.config.getoption("--seed")
    return random.randrange(1_000_000) if given is None else given


@pytest.fixture(scope="session")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that faults are injected into."""
    with System(tmp_path_factory.mktemp("victim")) as system:
        yield system


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was proved."""
    if OUTCOMES:
        terminalreporter.write_line(Outcome.COLUMNS)
        terminalreporter.write_line("|---" * (Outcome.COLUMNS.count("|") - 1) + "|")
        for outcome in OUTCOMES:
            terminalreporter.write_line(outcome.row())
