"""The bank's demo reads its files exactly, and two readings of them agree with each other and with the bank's rules."""

import gzip
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cqrs.bank.v1.commands_pb2 import TransferMoneyRequest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from command_service.decider import Context, Decider
from command_service.domains.bank import DECIDERS
from ops.demo_bank.books import Book, cents, read_book
from ops.demo_bank.fold import Expected, fold
from ops.demo_bank.generate import generate
from ops.demo_bank.layouts import NEVER_BINDS, BankFileError, find
from ops.demo_bank.requests import Requests
from ops.supervisor import ROOT
from runtime.refusals import Refused
from runtime.validation import validate

REAL = ROOT.parent / "shared" / "data" / "bank"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the real transfers are no part of the repository")
CONTEXT = Context("c", Timestamp(seconds=1_700_000_000), "new")


class Bank:
    """The bank's own deciders, in memory."""

    def __init__(self) -> None:
        self.streams: dict[str, Any] = {}

    def send(self, command: Message) -> str:
        """Why it was refused; empty when it was not."""
        try:
            validate(command)
            self._decide(command, _decider_of(command))
        except Refused as refused:
            return refused.reason
        return ""

    def _decide(self, command: Message, decider: Decider) -> None:
        read = [(aggregate, aggregate.stream(id_)) for aggregate, id_ in decider.reads(command, CONTEXT)]
        states = [self.streams.get(stream, aggregate.initial) for aggregate, stream in read]
        decision = decider.decide(command, CONTEXT, *states)
        for (aggregate, stream), state, happened in zip(read, states, decision.events, strict=False):
            for event in happened:
                state = aggregate.evolve(state, event)
            self.streams[stream] = state


def _decider_of(command: Message) -> Decider:
    services = command.DESCRIPTOR.file.services_by_name
    return next(
        decider
        for decider in DECIDERS
        if any(
            method.input_type is command.DESCRIPTOR for method in services[decider.service.rpartition(".")[2]].methods
        )
    )


def decided(book: Book) -> tuple[dict[str, Fraction], dict[str, str]]:
    """Balances and refusals when the bank's deciders get everything in file order."""
    bank, requests = Bank(), Requests("r", book)
    for number in range(len(book.accounts)):
        deposit = requests.deposit(number)
        for command in (requests.open(number), *([deposit] if deposit else [])):
            assert bank.send(command) == ""
    refused = {}
    for number, row in enumerate(book.transfers):
        if reason := bank.send(requests.transfer(number)):
            refused[row.transfer_id] = reason
    ids = {account.account_id: requests.account_id(account.account_id) for account in book.accounts}
    return {each: Fraction(bank.streams[f"bank.account-{id_}"].balance, 100) for each, id_ in ids.items()}, refused


def written(folder: Path, accounts: str, transfers: str, name: str = "amlsim") -> Path:
    """A folder with the two files of a layout."""
    (folder / f"{name}_accounts.csv").write_text(accounts)
    (folder / f"{name}_transfers.csv").write_text("transfer_id,from_account,to_account,amount\n" + transfers)
    return folder


def folded(folder: Path) -> Expected:
    (files,) = find(folder)
    return fold(files)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_fold_of_a_generated_file_is_what_the_banks_own_rules_make_of_it(tmp_path: Path, seed: int) -> None:
    generate(tmp_path, accounts=40, transfers=600, seed=seed)
    (files,) = find(tmp_path)
    expected = fold(files)
    balances, refused = decided(read_book(files))
    assert balances == expected.balances
    assert refused == expected.refused
    assert expected.transfers == 600
    assert sum(expected.balances.values()) == expected.deposited
    assert min(expected.balances[each] + limit for each, limit in expected.overdrafts.items()) >= 0


def test_a_generated_file_has_every_refusal_and_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        generate(tmp_path / name)
    read = [[path.read_bytes() for path in sorted((tmp_path / name).iterdir())] for name in ("a", "b")]
    assert read[0] == read[1]
    expected = folded(tmp_path / "a")
    assert set(expected.refused.values()) == {
        "ACCOUNTS_MUST_BE_DIFFERENT",
        "AMOUNT_MUST_NOT_BE_ZERO",
        "DEBIT_ACCOUNT_NOT_FOUND",
        "CREDIT_ACCOUNT_NOT_FOUND",
        "EXCEEDS_CREDITS",
    }
    assert 100 < len(expected.refused) < expected.transfers / 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,1,1,0", "ACCOUNTS_MUST_BE_DIFFERENT"),
        ("1,9,8,-1", "AMOUNT_MUST_NOT_BE_ZERO"),
        ("1,9,8,1", "DEBIT_ACCOUNT_NOT_FOUND"),
        ("1,1,8,1000", "CREDIT_ACCOUNT_NOT_FOUND"),
        ("1,1,2,12.35", "EXCEEDS_CREDITS"),
    ],
)
def test_of_several_reasons_the_fold_and_the_bank_name_the_same(tmp_path: Path, row: str, reason: str) -> None:
    written(tmp_path, "account_id,initial_balance\n1,12.34\n2,0\n", row + "\n")
    (files,) = find(tmp_path)
    assert fold(files).refused == decided(read_book(files))[1] == {"1": reason}


def test_another_currency_than_dollars_is_refused_by_both(tmp_path: Path) -> None:
    (tmp_path / "fec_accounts.csv").write_text("account_id,name\nA,\nB,Some Committee\n")
    rows = "transfer_id,from_account,to_account,amount,currency\n1,A,B,5,EUR\n2,A,B,7,USD\n3,B,A,2,\n"
    (tmp_path / "fec_transfers.csv").write_text(rows)
    (files,) = find(tmp_path)
    expected = fold(files)
    balances, refused = decided(read_book(files))
    assert refused == expected.refused == {"1": "AMOUNT_MUST_HAVE_THE_SAME_LEDGER"}
    assert balances == expected.balances == {"A": Fraction(-5), "B": Fraction(5)}


@pytest.mark.parametrize(
    ("text", "right"),
    [("163.3", 16330), ("0", 0), ("2.60", 260), ("-50000", -5_000_000), ("-0.05", -5), ("5010111", 501011100)],
)
def test_amounts_are_read_exactly(text: str, right: int) -> None:
    assert cents(text) == right == Fraction(text) * 100


@given(st.integers(-(10**16), 10**16))
def test_what_was_written_with_two_decimals_is_read_as_it_was(amount: int) -> None:
    assert cents(f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}") == amount


@pytest.mark.parametrize("text", ["", "1.005", "1e3", "NaN", "inf", "1,5", " 1", "1.", "+1", "٣", "1" * 17])
def test_what_is_no_amount_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        cents(text)


def test_both_layouts_of_a_folder_are_found_gzipped_or_not(tmp_path: Path) -> None:
    written(tmp_path, "account_id,initial_balance\n1,12.34\n2,0\n", "1,1,2,12.34\n")
    (tmp_path / "fec_accounts.csv.gz").write_bytes(gzip.compress(b"account_id,name\nA,\nB,Some Committee\n"))
    (tmp_path / "fec_transfers.csv.gz").write_bytes(
        gzip.compress(b"transfer_id,from_account,to_account,amount\n1,A,B,5\n")
    )
    books = [read_book(files) for files in find(tmp_path)]
    assert [book.name for book in books] == ["amlsim", "fec"]
    assert [(each.owner, each.deposit, each.overdraft) for each in books[0].accounts] == [("1", 1234, 0), ("2", 0, 0)]
    assert [(each.owner, each.overdraft) for each in books[1].accounts] == [
        ("A", NEVER_BINDS),
        ("Some Committee", NEVER_BINDS),
    ]


def bad_folders() -> Iterator[Any]:
    good = "account_id,initial_balance\n1,5\n2,5\n"
    yield pytest.param({}, "has no files of a bank", id="nothing")
    yield pytest.param({"amlsim_accounts.csv": good}, "no amlsim_transfers", id="no transfers")
    yield pytest.param({"fec_transfers.csv": ""}, "no fec_accounts", id="no accounts")
    rows = "transfer_id,from_account,to_account,amount\n"
    for name, accounts, transfers, said in (
        ("no column", "account_id\n1\n", rows, "no column initial_balance"),
        ("no amount", good, rows + "1,1,2,much\n", "line 2: 'much' is no amount"),
        ("an empty id", good, rows + "1,,2,1\n", "line 2: from_account is empty"),
        ("a row that ends early", good, rows + "1,1,2\n", "line 2: '' is no amount"),
        ("a transfer twice", good, rows + "1,1,2,1\n1,1,2,1\n", "transfer 1 twice"),
        ("an account twice", good + "1,7\n", rows, "account 1 twice"),
        ("a negative balance", good + "3,-1\n", rows, "line 4: an account begins with no less than nothing"),
    ):
        yield pytest.param({"amlsim_accounts.csv": accounts, "amlsim_transfers.csv": transfers}, said, id=name)
    two = {"amlsim_accounts.csv": good, "amlsim_transfers.csv": rows, "amlsim_transfers_2.csv": rows}
    yield pytest.param(two, "leave one of them", id="two of a kind")
    torn = {"amlsim_accounts.csv": good, "amlsim_transfers.csv.gz": "not gzipped"}
    yield pytest.param(torn, "cannot be read", id="not gzipped")


@pytest.mark.parametrize(("contents", "said"), [*bad_folders()])
def test_a_bad_folder_is_a_clear_error(tmp_path: Path, contents: dict[str, str], said: str) -> None:
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(BankFileError, match=said):
        [read_book(files) for files in find(tmp_path)]


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BankFileError, match="is no folder"):
        find(tmp_path / "nowhere")


@real_data
def test_of_the_real_files_so_many_are_refused() -> None:
    expected = {files.layout.name: fold(files) for files in find(REAL)}
    reasons = {name: list(each.refused.values()) for name, each in expected.items()}
    assert (expected["amlsim"].transfers, len(reasons["amlsim"])) == (20_000, 7_813)
    assert reasons["amlsim"].count("ACCOUNTS_MUST_BE_DIFFERENT") == 3
    assert (expected["fec"].transfers, len(reasons["fec"])) == (9_680, 511)
    assert "EXCEEDS_CREDITS" not in reasons["fec"]


@real_data
def test_both_readings_of_the_real_files_agree() -> None:
    for files in find(REAL):
        book, expected = read_book(files), fold(files)
        balances, refused = decided(book)
        assert (balances, refused) == (expected.balances, expected.refused)


def test_what_is_asked_for_twice_is_the_same_command_and_runs_never_meet(tmp_path: Path) -> None:
    generate(tmp_path, accounts=20, transfers=30)
    (files,) = find(tmp_path)
    book = read_book(files)
    once, again, other = (Requests(run, book) for run in ("r", "r", "s"))
    assert once.transfer(7) == again.transfer(7)
    assert not _ids(once.transfer(7)) & _ids(other.transfer(7))


def _ids(request: TransferMoneyRequest) -> set[str]:
    return {
        request.context.command_id,
        request.transfer_id,
        request.source_account_id,
        request.destination_account_id,
    }
