"""Options of the whole suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seed N` repeats a run of the long proofs."""
    parser.addoption("--seed", type=int, default=None, help="the seed of load and faults; another each time by default")
