"""Options of the whole suite."""

import os

import pytest

# Tests start processes while gRPC's threads run; its fork handlers crash such a child now and then before it becomes
# the program. It is read when gRPC is first used.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seed N` repeats a run of the long proofs."""
    parser.addoption("--seed", type=int, default=None, help="the seed of load and faults; another each time by default")
