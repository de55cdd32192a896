"""The seed of the long proofs, their system, and their table."""

import random
from collections.abc import Iterator

import pytest

from ops.supervisor import System
from tests.faults.figures import FIGURES
from tests.faults.scenario import OUTCOMES, Outcome

LONG_LOG = 5000


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """What `--seed` says, or a new one; the table shows it."""
    given: int | None = request.config.getoption("--seed")
    return random.randrange(1_000_000) if given is None else given


class Victims:
    """A system for as long as its log is short: checking a long one takes longer than what is to be shown."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._system: System | None = None
        self._before = 0

    def one(self) -> System:
        """The system, or a new one."""
        acked = sum(outcome.acked for outcome in OUTCOMES)
        if self._system is None or acked - self._before > LONG_LOG:
            self.end()
            self._before = acked
            self._system = System(self._folders.mktemp("victim")).start()
        return self._system

    def end(self) -> None:
        """Stop it."""
        if self._system is not None:
            self._system.stop()


@pytest.fixture(scope="session")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    """Whatever runs for these tests."""
    victims = Victims(tmp_path_factory)
    yield victims
    victims.end()


@pytest.fixture
def victim(victims: Victims) -> System:
    """A system that faults are injected into."""
    return victims.one()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was proved."""
    if OUTCOMES:
        terminalreporter.write_line(Outcome.COLUMNS)
        terminalreporter.write_line("|---" * (Outcome.COLUMNS.count("|") - 1) + "|")
        for outcome in OUTCOMES:
            terminalreporter.write_line(outcome.row())
    for figures in FIGURES:
        terminalreporter.write_line(str(figures))
