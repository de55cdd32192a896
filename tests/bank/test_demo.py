"""The bank's demo over real servers: the same outcome twice, everything followed up, nothing overlooked."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from cqrs.bank.v1.commands_pb2 import WithdrawRequest
from cqrs.common.v1.common_pb2 import CommandContext, Money
from typer.testing import CliRunner

from ops.cli import app
from ops.demo.carry_out import carry_out
from ops.demo_bank.books import read_book
from ops.demo_bank.client import connect
from ops.demo_bank.compare import Comparison
from ops.demo_bank.fold import fold
from ops.demo_bank.generate import generate
from ops.demo_bank.layouts import Files, find
from ops.demo_bank.replay import Replay
from ops.demo_bank.requests import Requests
from ops.demo_bank.run import Outcome, run
from ops.output import Output, Trouble
from ops.supervisor import System

SECONDS = 60.0


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(tmp_path_factory.mktemp("bank")) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated files, and a few real-looking ones of another kind beside them."""
    made = tmp_path_factory.mktemp("files")
    generate(made, accounts=30, transfers=300)
    (made / "fec_accounts.csv").write_text("account_id,name\nC1,One Committee\nC2,\nC3,Another\n")
    rows = "transfer_id,from_account,to_account,amount\n1,C1,C2,5010111\n2,C2,C3,-200\n3,C3,C1,20000\n4,C1,C1,1\n"
    (made / "fec_transfers.csv").write_text(rows)
    return made


def replayed(system: System, files: Sequence[Files]) -> Outcome:
    return carry_out(run(files, system.command_address, system.query_address, Output(False), SECONDS))


# promise 000-44, 000-47, 000-48, 000-49
def test_a_second_run_on_the_same_system_comes_to_the_same(
    system: System, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = find(folder)
    refused = sum(len(fold(each).refused) for each in files)
    for _ in range(2):
        outcome = replayed(system, files)
        said = capsys.readouterr().out
        assert outcome.good, said
        assert (outcome.transfers, outcome.refused) == (304, refused)
        followed = outcome.followed_up
        assert followed.recorded == followed.notified == followed.analysed == 304 - refused
        assert (followed.open, followed.flagged) == (0, 2)
        assert followed.mails > 0
        line = f"demo-bank: transfers=304 refused={refused} sum=0 equal=yes transfers_per_s="
        assert str(outcome).startswith(line)


async def test_the_comparison_sees_what_somebody_else_changed_and_what_is_missing(system: System, folder: Path) -> None:
    files = find(folder)[-1]
    book, expected = read_book(files), fold(files)
    async with connect(system.command_address, system.query_address) as (commands, queries):
        replay = Replay("changed", commands, [book])
        await replay.open(lambda: None)
        await replay.transfer(lambda: None)
        requests = Requests("changed", book)
        victim = max(expected.balances, key=lambda each: expected.balances[each])
        await commands.command(
            commands.accounts.Withdraw,
            WithdrawRequest(
                context=CommandContext(command_id="behind-the-back"),
                account_id=requests.account_id(victim),
                amount=Money(minor_units=7, currency_code="USD"),
            ),
        )
        expected.balances["nowhere"] = expected.overdrafts["nowhere"] = Fraction(0)
        refused = {transfer: reason for (_, transfer), reason in replay.refused.items()}
        first = refused.popitem()
        comparison = Comparison(queries, commands.last)
        await comparison.compare(requests, expected, refused)
    said = "\n".join(comparison.differences)
    right = expected.balances[victim]
    shown = right - Fraction(7, 100)
    assert f"generated account {victim}: balance {float(shown):.2f}, the files say {float(right):.2f}" in said
    assert 'generated account nowhere: NOT_FOUND: Account "changed-generated-nowhere" does not exist' in said
    assert f"generated transfer {first[0]}: outcome done, the files say {first[1]}" in said
    assert comparison.cents == int(expected.deposited * 100) - 7


# promise 000-53
def test_without_a_worker_the_transfers_are_the_same_and_it_says_what_still_waits(
    system: System, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = find(folder)[:1]
    system.stop_one("worker")
    try:
        outcome = carry_out(run(files, system.command_address, system.query_address, Output(False), 0.5))
    finally:
        system.start_one("worker")
        system.wait_healthy("worker")
    assert outcome.good
    assert (outcome.transfers, outcome.refused, outcome.followed_up.recorded) == (4, 2, 0)
    assert outcome.followed_up.open >= 2 * 3
    assert "commands on bank.fraud, bank.notify, bank.record still waited" in capsys.readouterr().out


async def test_an_account_that_the_bank_does_not_open_ends_the_demo(system: System, tmp_path: Path) -> None:
    name = "n" * 300
    (tmp_path / "fec_accounts.csv").write_text(f"account_id,name\n{name},\n")
    (tmp_path / "fec_transfers.csv").write_text("transfer_id,from_account,to_account,amount\n")
    with pytest.raises(Trouble, match=f"The bank did not open account {name} of fec: INVALID_ARGUMENT"):
        await asyncio.to_thread(replayed, system, find(tmp_path))


def test_the_command_line_says_how_it_ended_and_by_its_exit_status(
    system: System, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBVERSE_DATA", str(tmp_path))
    monkeypatch.setenv("OBVERSE_COMMAND_ADDRESS", system.command_address)
    monkeypatch.setenv("OBVERSE_QUERY_ADDRESS", system.query_address)
    done = CliRunner().invoke(app, ["demo-bank", "--data", str(folder)])
    assert done.exit_code == 0, done.output
    assert "equal=yes" in done.output.splitlines()[-1]
    done = CliRunner().invoke(app, ["demo-bank", "--json", "--data", str(folder)])
    last = json.loads(done.output.splitlines()[-1])
    assert (last["transfers"], last["sum"], last["equal"], last["followed_up"]["open"]) == (304, "0", True, 0)
    done = CliRunner().invoke(app, ["demo-bank", "--data", str(tmp_path / "nowhere")])
    assert done.exit_code == 1
    assert "is no folder" in done.output
