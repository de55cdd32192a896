"""Money from one account to another: what happens, what is refused and in which order, and what the same id means."""

from itertools import pairwise

import pytest
from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import TRANSFER_STATUS_COMPLETED, TransferSignals
from google.protobuf.message import Message

from runtime.refusals import Refused
from tests.bank.book import NEW_ID, Book, events_of
from tests.bank.given import given
from tests.bank.messages import (
    closed,
    credited,
    debited,
    deposit,
    deposited,
    eur,
    frozen,
    open_account,
    opened,
    transfer,
    transferred,
)

TWO = (opened("ada"), opened("bob"), deposited("ada", 1000, 1000))
DONE = (*TWO, transferred(), debited("ada", "bob", 100, 900), credited("bob", "ada", 100, 100))


# promise 000-44, 000-45, 000-52
def test_a_transfer_is_one_decision_over_three_streams() -> None:
    given(*TWO).when(transfer()).then(transferred(), debited("ada", "bob", 100, 900), credited("bob", "ada", 100, 100))
    decision = Book().happened(*TWO).decide(transfer())
    assert [len(part) for part in decision.events] == [1, 1, 1]


# promise 000-46
def test_the_answer_carries_the_transfer_s_id_and_status() -> None:
    book = Book().happened(*TWO)
    answer = commands.TransferMoneyResponse(transfer_id="t-1", status=TRANSFER_STATUS_COMPLETED)
    assert book.decide(transfer()).response == answer
    generated = book.decide(transfer(transfer_id=""))
    assert generated.response == commands.TransferMoneyResponse(transfer_id=NEW_ID, status=TRANSFER_STATUS_COMPLETED)
    (moved, *_) = events_of(generated)
    assert isinstance(moved, events.MoneyTransferred)
    assert moved.transfer_id == NEW_ID


# promise 000-47, 000-48, 000-49
def test_a_transfer_sends_what_follows_it_and_sends_it_once() -> None:
    book = Book().happened(*TWO)
    assert book.send(transfer()).commands == (
        commands.RecordTransactionRequest(transfer_id="t-1"),
        commands.NotifyTransferPartiesRequest(transfer_id="t-1"),
        commands.AnalyzeTransferForFraudRequest(transfer_id="t-1"),
    )
    assert book.decide(transfer()).commands == ()


def test_the_overdraft_counts_and_the_last_cent_may_go() -> None:
    book = Book().happened(opened("ada", 50), opened("bob"), deposited("ada", 100, 100))
    book.send(transfer(amount=150))
    assert (book.account("ada").balance, book.account("bob").balance) == (-50, 150)


# promise 000-44, 000-51
def test_a_transfer_that_is_not_covered_moves_nothing() -> None:
    given(*TWO).when(transfer(amount=1001)).then_refused(
        "FAILED_PRECONDITION",
        "EXCEEDS_CREDITS",
        'Insufficient funds in account "ada": 10.00 EUR available, 10.01 EUR requested',
    )


def test_the_same_id_and_data_give_the_first_result_whatever_has_happened_since() -> None:
    first = Book().happened(*TWO).decide(transfer())
    spent = events.MoneyWithdrawn(account_id="ada", amount=eur(900), balance=eur(0))
    for since in ((), (spent,), (frozen("ada"), frozen("bob")), (spent, closed("ada"))):
        again = Book().happened(*DONE, *since).decide(transfer(), "another-command")
        assert (events_of(again), again.response, again.replayed) == ((), first.response, True)
    assert not first.replayed


@pytest.mark.parametrize(
    ("command", "reason", "what"),
    [
        (transfer(source="cyn", destination="ada", amount=7), "DEBIT_ACCOUNT", "source account"),
        (transfer(destination="cyn", amount=7, reference=""), "CREDIT_ACCOUNT", "destination account"),
        (transfer(amount=7, reference=""), "AMOUNT", "amount"),
        (transfer(reference=""), "REFERENCE", "reference"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_same_id_with_other_data_is_refused_by_the_first_difference(
    command: Message, reason: str, what: str
) -> None:
    given(*DONE, opened("cyn")).when(command).then_refused(
        "ALREADY_EXISTS", f"EXISTS_WITH_DIFFERENT_{reason}", f'Transfer "t-1" exists with a different {what}'
    )


def test_other_data_is_refused_as_such_also_when_the_funds_are_gone() -> None:
    spent = events.MoneyWithdrawn(account_id="ada", amount=eur(900), balance=eur(0))
    given(*DONE, spent).when(transfer(amount=101)).then_refused(
        "ALREADY_EXISTS", "EXISTS_WITH_DIFFERENT_AMOUNT", 'Transfer "t-1" exists with a different amount'
    )


OVERFULL = events.MoneyDeposited(account_id="bob", amount=eur(2**63 - 1), balance=eur(2**63 - 1))
WRONG_IN_EVERY_WAY = transfer("no", "no", 0, transfer_id="t-1", currency="USD")
PRECEDENCE: list[tuple[str, tuple[Message, ...], Message]] = [
    ("ACCOUNTS_MUST_BE_DIFFERENT", (), WRONG_IN_EVERY_WAY),
    ("AMOUNT_MUST_NOT_BE_ZERO", (), transfer("no", "nobody", 0, currency="USD")),
    ("DEBIT_ACCOUNT_NOT_FOUND", (), transfer("no", "nobody", 5000, currency="USD")),
    ("CREDIT_ACCOUNT_NOT_FOUND", (*DONE, frozen("ada")), transfer("ada", "nobody", 5000, currency="USD")),
    (
        "ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER",
        (*DONE, frozen("ada"), opened("sam", currency="USD"), frozen("sam")),
        transfer("ada", "sam", 5000, currency="GBP"),
    ),
    ("AMOUNT_MUST_HAVE_THE_SAME_LEDGER", (*DONE, frozen("ada"), frozen("bob")), transfer(amount=5, currency="GBP")),
    ("EXISTS_WITH_DIFFERENT_AMOUNT", (*DONE, frozen("ada"), closed("bob")), transfer(amount=5000)),
    ("ACCOUNT_FROZEN", (*DONE, frozen("ada"), closed("bob")), transfer(amount=5000, transfer_id="t-2")),
    ("ACCOUNT_CLOSED", (*DONE, OVERFULL, closed("bob")), transfer(amount=5000, transfer_id="t-2")),
    ("EXCEEDS_CREDITS", (*DONE, OVERFULL), transfer(amount=5000, transfer_id="t-2")),
    ("OVERFLOWS_CREDITS", (*TWO, OVERFULL), transfer(amount=5)),
]


# promise 000-44
@pytest.mark.parametrize(("reason", "before", "command"), PRECEDENCE, ids=[reason for reason, *_ in PRECEDENCE])
def test_of_several_refusals_the_first_of_the_list_is_told(
    reason: str, before: tuple[Message, ...], command: Message
) -> None:
    with pytest.raises(Refused) as caught:
        Book().happened(*before).decide(command)
    assert caught.value.reason == reason


def test_the_debited_account_is_named_before_the_credited_one() -> None:
    for before in ((frozen("ada"), frozen("bob")), (frozen("ada"), closed("bob"))):
        given(*TWO, *before).when(transfer()).then_refused(
            "FAILED_PRECONDITION", "ACCOUNT_FROZEN", 'Account "ada" is frozen'
        )
    given(*TWO, frozen("bob")).when(transfer()).then_refused(
        "FAILED_PRECONDITION", "ACCOUNT_FROZEN", 'Account "bob" is frozen'
    )


def test_all_shape_errors_are_told_at_once_in_field_order() -> None:
    with pytest.raises(Refused) as caught:
        Book().decide(transfer("no", "no", 0, currency="euro"))
    assert [field for field, _ in caught.value.fields] == ["destination_account_id", "amount", "amount.currency_code"]
    assert caught.value.text == "Source and destination must be different accounts"


def test_a_transfer_knows_how_many_left_within_the_hour_and_whether_the_payee_is_new() -> None:
    book = Book()
    for name in ("ada", "bob", "cyn"):
        book.send(open_account(name))
    book.send(deposit("ada", 100_000))
    seen = []
    for number in range(12):
        book.send(transfer(destination="bob" if number % 2 else "cyn", amount=1, transfer_id=f"t-{number}"))
        seen.append(_signals(book, f"t-{number}"))
    assert [each.recent_transfers for each in seen] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    assert [each.new_payee for each in seen] == [True, True] + [False] * 10
    book.seconds += 3_600
    book.send(transfer(amount=1, transfer_id="later"))
    assert _signals(book, "later") == TransferSignals()


def _signals(book: Book, transfer_id: str) -> TransferSignals:
    known = book.transfer(transfer_id)
    return TransferSignals(recent_transfers=known.recent_transfers, new_payee=known.new_payee)


def test_an_account_remembers_only_its_last_payees() -> None:
    book = Book()
    book.send(open_account("ada", 10_000))
    for number in range(60):
        book.send(open_account(f"payee-{number}"))
        book.send(transfer(destination=f"payee-{number}", amount=1, transfer_id=f"t-{number}"))
    ada = book.account("ada")
    assert len(ada.payees) == 50
    assert len(ada.transfer_seconds) == 10
    assert all(later > earlier for earlier, later in pairwise(ada.transfer_seconds))
