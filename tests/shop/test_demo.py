"""The demo over real servers: its own or the running ones, twice with the same counts, nothing overlooked."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from cqrs.common.v1.common_pb2 import CommandContext
from cqrs.shop.v1.commands_pb2 import CancelOrderRequest

from ops.demo import run as demo
from ops.demo.client import Shop, connect
from ops.demo.compare import Comparison
from ops.demo.expected import expect
from ops.demo.generate import generate
from ops.demo.invoices import read_invoices
from ops.demo.lag import Lag
from ops.demo.replay import Replay
from ops.demo.source import Addresses, system
from ops.output import Output, Trouble
from ops.settings import Settings


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A system that the demo has started itself, because nothing answered."""
    nowhere = Settings(
        data=str(tmp_path_factory.mktemp("nothing")), command_address=free_address(), query_address=free_address()
    )
    with system(nowhere, Output(False)) as found:
        assert found[0] not in (nowhere.command_address, nowhere.query_address)
        yield found


@pytest.fixture(scope="module")
def invoices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("invoices") / "invoices.csv"
    generate(path, 60)
    return path


def free_address() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@asynccontextmanager
async def replayed(path: Path, addresses: Addresses, run: str) -> AsyncIterator[tuple[Shop, Shop]]:
    """Both sides of the system once a file is through."""
    async with connect(addresses[0]) as commands, connect(addresses[1]) as queries:
        await Replay(run, commands, Lag(queries), lambda: None).put_through(read_invoices(path))
        yield commands, queries


# promise 002-15, 001-55
def test_a_second_run_on_the_same_system_gives_the_same_counts(
    addresses: Addresses, invoices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = expect(invoices)
    runs = [asyncio.run(demo.run(invoices, *addresses, Output(False))) for _ in range(2)]
    for outcome in runs:
        assert outcome.equal, capsys.readouterr().out
        assert outcome.invoices == outcome.orders + outcome.cancelled + outcome.unmatched + outcome.refused == 60
        assert (outcome.orders, outcome.lines, outcome.revenue) == (
            len(expected.orders),
            expected.lines,
            expected.revenue,
        )
        assert 0 < outcome.lag_p50_ms <= outcome.lag_p99_ms
        assert outcome.commands_per_s > 0
    assert "Refused" in capsys.readouterr().out


def test_a_running_system_is_used_and_stays(addresses: Addresses, tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path), command_address=addresses[0], query_address=addresses[1])
    for _ in range(2):
        with system(settings, Output(False)) as found:
            assert found == addresses


def test_half_a_system_is_a_clear_error(addresses: Addresses, tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path), command_address=addresses[0], query_address=free_address())
    with pytest.raises(Trouble, match="only one answers"), system(settings, Output(False)):
        pass


async def test_the_comparison_sees_what_somebody_else_changed(addresses: Addresses, invoices: Path) -> None:
    expected = expect(invoices)
    victim = next(order for order in expected.orders if not order.cancelled)
    async with replayed(invoices, addresses, "changed") as (commands, queries):
        context = CommandContext(command_id="changed-behind-the-back")
        cancel = CancelOrderRequest(context=context, order_id=f"changed-{victim.invoice}", reason="somebody else")
        await commands.command(commands.order.CancelOrder, cancel)
        comparison = Comparison(queries, "changed", commands.last)
        await comparison.compare(expected)
    said = "\n".join(comparison.differences)
    assert f"changed-{victim.invoice}: status ORDER_STATUS_CANCELLED, the file says ORDER_STATUS_PENDING" in said
    assert f"list of {victim.customer} (order_status_cancelled)" in said
    assert "revenue" in said


async def test_the_comparison_sees_what_is_missing_or_too_much(addresses: Addresses, invoices: Path) -> None:
    expected = expect(invoices)
    async with replayed(invoices, addresses, "missing") as (commands, queries):
        more = replace(expected.orders[0], invoice="999999")
        first = next(order for order in expected.orders[1:] if order.customer != more.customer)
        first.quantities = {**first.quantities, ("no such code", Decimal("1.00")): 1}
        expected.orders.append(more)
        comparison = Comparison(queries, "missing", commands.last)
        await comparison.compare(expected)
    said = "\n".join(comparison.differences)
    assert "missing-999999: NOT_FOUND: The order you requested does not exist." in said
    assert f"list of {more.customer} (order_status_unspecified)" in said
    assert f"missing-{first.invoice}: items" in said
