"""What the events of a bank make of its views: against what an independent fold makes of the same history."""

from collections import defaultdict
from typing import Any

import pytest
from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import (
    ACCOUNT_STATUS_CLOSED,
    ACCOUNT_STATUS_FROZEN,
    ACCOUNT_STATUS_OPEN,
    ENTRY_KIND_DEPOSIT,
    ENTRY_KIND_REVERSAL,
    ENTRY_KIND_TRANSFER,
    ENTRY_SIDE_CREDIT,
    ENTRY_SIDE_DEBIT,
    FRAUD_VERDICT_APPROVED,
    FRAUD_VERDICT_CLEARED,
    FRAUD_VERDICT_FLAGGED,
    FRAUD_VERDICT_REJECTED,
    TRANSFER_STATUS_COMPLETED,
    TRANSFER_STATUS_FLAGGED,
    TRANSFER_STATUS_REVERSED,
)
from cqrs.bank.v1.views_pb2 import AccountView, EntryView, TransferView, TrialBalanceView
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings

from projector.domains.bank import PROJECTIONS
from projector.domains.bank.accounts import ACCOUNTS
from projector.domains.bank.ledger import LEDGER
from projector.domains.bank.statements import STATEMENTS
from projector.domains.bank.transactions import TRANSACTIONS
from projector.domains.bank.transfers import TRANSFERS
from tests.bank.book import Book
from tests.bank.commands_strategy import HISTORIES
from tests.bank.folding import Folded
from tests.bank.messages import START, deposit, eur, open_account, transfer, withdraw
from tests.bank.plain_fold import plain_entries
from tests.bank.test_properties import sent

LARGE = 1_000_000
REJECT = commands.RejectFlaggedTransferRequest(transfer_id="t-1", reason="fraud")
APPROVE = commands.ApproveFlaggedTransferRequest(transfer_id="t-1", reason="known")
ANALYZE = commands.AnalyzeTransferForFraudRequest(transfer_id="t-1")


def a_book(amount: int = 100) -> Book:
    """Ada has been given money and has sent some of it to Bob."""
    book = Book()
    for command in (open_account("ada", 50), open_account("bob"), deposit("ada", 2 * LARGE), transfer(amount=amount)):
        book.send(command, f"c-{len(book.facts)}")
    return book


def account(book: Book, name: str = "ada") -> AccountView:
    view = Folded(ACCOUNTS, book).views[f"account:{name}"]
    assert isinstance(view, AccountView)
    return view


def shown(book: Book) -> TransferView:
    view = Folded(TRANSFERS, book).views["transfer:t-1"]
    assert isinstance(view, TransferView)
    return view


def test_an_account_shows_what_it_has_and_what_may_be_taken() -> None:
    book = a_book()
    ada = account(book)
    assert (ada.ledger_balance, ada.available_balance, ada.overdraft_limit) == (eur(1_999_900), eur(1_999_950), eur(50))
    assert (ada.version, ada.create_position, ada.status, ada.owner) == (3, 1, ACCOUNT_STATUS_OPEN, "Ada")
    assert (ada.create_time.seconds, ada.update_time.seconds) == (START, START + 3)
    assert account(book, "bob").ledger_balance == eur(100)


def test_nothing_may_be_taken_from_a_frozen_or_closed_account() -> None:
    book = a_book()
    book.send(commands.FreezeAccountRequest(account_id="ada", reason="suspicion"))
    frozen = account(book)
    assert (frozen.status, frozen.freeze_reason, frozen.available_balance) == (
        ACCOUNT_STATUS_FROZEN,
        "suspicion",
        eur(0),
    )
    book.send(commands.UnfreezeAccountRequest(account_id="ada"))
    assert (account(book).available_balance, account(book).freeze_reason) == (eur(1_999_950), "")
    book.send(withdraw("ada", 1_999_900))
    book.send(commands.CloseAccountRequest(account_id="ada"))
    gone = account(book)
    assert (gone.status, gone.available_balance, gone.HasField("close_time")) == (ACCOUNT_STATUS_CLOSED, eur(0), True)


# promise 000-51
def test_no_reader_ever_sees_half_of_a_transfer() -> None:
    book = a_book()
    book.send(commands.ReverseTransferRequest(transfer_id="t-1", reason="by mistake"))
    accounts, ledger = Folded(ACCOUNTS), Folded(LEDGER)
    for fact in book.facts:
        accounts.take(fact)
        ledger.take(fact)
        total = sum(view.ledger_balance.minor_units for view in accounts.views.values())
        deposits = 2 * LARGE if len(accounts.views) == 2 and fact.position >= 3 else 0
        assert total == deposits
        assert ledger.views["currency:EUR"].balance == "0"


def test_accounts_are_listed_newest_first_and_by_owner() -> None:
    folded = Folded(ACCOUNTS, a_book())
    assert folded.newest_first("accounts") == ["account:bob", "account:ada"]
    assert folded.newest_first("owner:Ada") == ["account:ada"]


# promise 000-52
def test_a_transfer_shows_the_command_that_made_it_and_what_has_become_of_it() -> None:
    book = a_book()
    made = shown(book)
    assert (made.status, made.command_id, made.amount) == (TRANSFER_STATUS_COMPLETED, "c-3", eur(100))
    assert not any(made.HasField(each) for each in ("record_time", "notification", "analysis", "reversal"))
    book.send(commands.RecordTransactionRequest(transfer_id="t-1"))
    book.happened(events.TransferPartiesNotified(transfer_id="t-1", account_ids=["ada", "bob"]))
    book.send(ANALYZE)
    book.send(commands.ReverseTransferRequest(transfer_id="t-1", reason="by mistake"), "c-back")
    now = shown(book)
    assert now.HasField("record_time")
    assert list(now.notification.account_ids) == ["ada", "bob"]
    assert (now.analysis.score, now.analysis.verdict) == (15, FRAUD_VERDICT_CLEARED)
    assert (now.status, now.reversal.reason, now.reversal.command_id) == (
        TRANSFER_STATUS_REVERSED,
        "by mistake",
        "c-back",
    )
    assert now.version == book.versions["bank.transfer-t-1"] == 3


def test_flagged_transfers_are_listed_until_an_operator_decides() -> None:
    for decided, status, verdict in (
        (APPROVE, TRANSFER_STATUS_COMPLETED, FRAUD_VERDICT_APPROVED),
        (REJECT, TRANSFER_STATUS_REVERSED, FRAUD_VERDICT_REJECTED),
    ):
        book = a_book(LARGE)
        book.send(ANALYZE)
        assert Folded(TRANSFERS, book).newest_first("flagged") == ["transfer:t-1"]
        assert (shown(book).status, shown(book).analysis.verdict) == (TRANSFER_STATUS_FLAGGED, FRAUD_VERDICT_FLAGGED)
        book.send(decided)
        assert Folded(TRANSFERS, book).newest_first("flagged") == []
        reviewed = shown(book)
        assert (reviewed.status, reviewed.analysis.verdict, reviewed.analysis.review_reason) == (
            status,
            verdict,
            decided.reason,
        )


# promise 000-52
def test_every_entry_says_what_caused_it_when_and_what_the_balance_was() -> None:
    book = a_book()
    book.send(commands.ReverseTransferRequest(transfer_id="t-1", reason="by mistake"), "c-back")
    folded = Folded(TRANSACTIONS, book)
    keys = folded.newest_first("account:ada")
    assert keys == ["entry:ada-4", "entry:ada-3", "entry:ada-2"]
    back, paid, came = (folded.views[key] for key in keys)
    assert [each.kind for each in (back, paid, came)] == [ENTRY_KIND_REVERSAL, ENTRY_KIND_TRANSFER, ENTRY_KIND_DEPOSIT]
    assert [each.side for each in (back, paid, came)] == [ENTRY_SIDE_CREDIT, ENTRY_SIDE_DEBIT, ENTRY_SIDE_CREDIT]
    assert paid == EntryView(
        entry_id="ada-3",
        account_id="ada",
        side=ENTRY_SIDE_DEBIT,
        kind=ENTRY_KIND_TRANSFER,
        amount=eur(100),
        balance=eur(1_999_900),
        counterparty_account_id="bob",
        transfer_id="t-1",
        reference="rent",
        entry_time=Timestamp(seconds=START + 3),
        command_id="c-3",
        correlation_id="because-c-3",
        actor="teller",
        version=3,
        position=5,
    )
    assert (came.counterparty_account_id, back.command_id) == ("outside:EUR", "c-back")


def in_months(*amounts: tuple[str, int]) -> Folded:
    """Statements of an account opened in January 2024, after deposits in the given months."""
    book = Book()
    folded = Folded(STATEMENTS)
    for month, amount in amounts:
        book.seconds = int(time_of(f"{month}-15T00:00:00Z").seconds)
        book.send(deposit("ada", amount) if amount else open_account("ada"))
    for fact in book.facts:
        folded.take(fact)
    return folded


def time_of(text: str) -> Timestamp:
    time = Timestamp()
    time.FromJsonString(text)
    return time


def test_a_month_carries_over_what_the_one_before_ended_with() -> None:
    folded = in_months(("2023-12", 0), ("2023-12", 5), ("2024-02", 7), ("2024-02", 1))
    assert folded.newest_first("account:ada") == ["statement:2024-02:ada", "statement:2023-12:ada"]
    december, february = (folded.views[f"statement:{month}:ada"] for month in ("2023-12", "2024-02"))
    assert (december.opening_balance, december.closing_balance, december.entry_count) == (eur(0), eur(5), 1)
    assert (february.opening_balance, february.credits, february.debits) == (eur(5), eur(8), eur(0))
    assert (february.closing_balance, february.entry_count, february.month) == (eur(13), 2, "2024-02")


def test_an_entry_that_a_slow_clock_stamped_last_month_belongs_to_the_statement_that_has_begun() -> None:
    folded = in_months(("2023-12", 0), ("2024-01", 5), ("2023-12", 7))
    january = folded.views["statement:2024-01:ada"]
    assert (january.opening_balance, january.closing_balance, january.entry_count) == (eur(0), eur(12), 2)
    assert folded.views["statement:2023-12:ada"].closing_balance == eur(0)


def test_the_trial_balance_counts_both_entries_of_everything() -> None:
    book = a_book()
    book.send(withdraw("bob", 30))
    book.send(open_account("sam", currency="USD"))
    book.send(commands.CloseAccountRequest(account_id="sam"))
    folded = Folded(LEDGER, book)
    assert folded.views["currency:EUR"] == TrialBalanceView(
        currency_code="EUR",
        total_debits=str(2 * LARGE + 130),
        total_credits=str(2 * LARGE + 130),
        accounts_balance=str(2 * LARGE - 30),
        outside_balance=str(30 - 2 * LARGE),
        balance="0",
        open_accounts=2,
        movements=3,
    )
    assert (folded.views["currency:USD"].open_accounts, folded.views["currency:USD"].closed_accounts) == (0, 1)


def test_totals_may_be_larger_than_64_bits_hold_and_a_balance_that_does_not_fit_shows() -> None:
    largest = 2**63 - 1
    full = [
        events.MoneyDeposited(account_id=name, outside_id="outside:EUR", amount=eur(largest), balance=eur(largest))
        for name in ("ada", "bob")
    ]
    folded = Folded(LEDGER, Book().happened(*full))
    assert folded.views["currency:EUR"].total_debits == str(2 * largest)
    wrong = events.MoneyDeposited(account_id="cyn", amount=eur(5), balance=eur(6))
    assert Folded(LEDGER, Book().happened(*full, wrong)).views["currency:EUR"].balance == "1"


@pytest.mark.parametrize(
    ("projection", "event"),
    [
        (ACCOUNTS, events.AccountClosed(account_id="x")),
        (TRANSFERS, events.TransferAnalyzed(transfer_id="x")),
    ],
)
def test_an_event_of_what_never_began_is_an_error_that_names_it(projection: Any, event: Message) -> None:
    (fact,) = Book().happened(event).facts
    with pytest.raises(LookupError, match="x, which has no view"):
        Folded(projection).take(fact)


# promise 000-51, 000-52
@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_the_views_are_what_an_independent_fold_makes_of_the_same_history(history: list[Message]) -> None:
    book = Book()
    for number, command in enumerate(history):
        book.seconds += 86_400 * 9
        if sent(book, command):
            book.seconds += number
    accounts, transfers, transactions, statements, ledger = (Folded(each, book) for each in PROJECTIONS)
    entries = plain_entries(book.facts)
    balances = {entry.account: entry.balance for entry in entries}
    for view in accounts.views.values():
        assert view.ledger_balance.minor_units == balances.get(view.account_id, 0)
        assert view.version == book.versions[f"bank.account-{view.account_id}"]
    listed = [
        (view.account_id, view.balance.minor_units, view.position, view.command_id)
        for view in transactions.views.values()
    ]
    assert listed == [(each.account, each.balance, each.position, each.command) for each in entries]
    months: dict[str, list[Any]] = defaultdict(list)
    for entry in entries:
        months[f"statement:{entry.month}:{entry.account}"].append(entry)
    for key, view in statements.views.items():
        of_month = months.pop(key, [])
        assert view.entry_count == len(of_month)
        assert view.credits.minor_units == sum(each.change for each in of_month if each.change > 0)
        assert view.debits.minor_units == -sum(each.change for each in of_month if each.change < 0)
        assert view.closing_balance.minor_units == view.opening_balance.minor_units + sum(e.change for e in of_month)
        assert view.closing_balance.minor_units == (of_month[-1].balance if of_month else 0)
    assert not months
    for currency in ("EUR", "USD"):
        of_accounts = sum(entry.change for entry in entries if entry.currency == currency)
        book_view = ledger.views.get(f"currency:{currency}")
        assert book_view is None or (book_view.accounts_balance, book_view.balance) == (str(of_accounts), "0")
    for transfer_view in transfers.views.values():
        assert transfer_view.status == book.transfer(transfer_view.transfer_id).status
        waits = transfer_view.status == TRANSFER_STATUS_FLAGGED
        assert waits == (f"transfer:{transfer_view.transfer_id}" in transfers.lists.get("flagged", {}))
