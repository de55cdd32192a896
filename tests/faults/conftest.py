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


@pytest.fixture(scope="session", autouse=True)
def table(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print what was proved, at the end."""
    yield
    report = request.config.pluginmanager.get_plugin("terminalreporter")
    if OUTCOMES and report is not None:
        report.ensure_newline()
        report.write_line(Outcome.COLUMNS)
        report.write_line("|---" * Outcome.COLUMNS.count(" | ") + "|---|")
        for outcome in OUTCOMES:
            report.write_line(outcome.row())
