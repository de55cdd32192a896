"""What follows a transfer: record, notices, analysis, review, reversal; each once."""

import pytest
from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import (
    ENTRY_KIND_REVERSAL,
    FRAUD_RULE_LARGE_AMOUNT,
    FRAUD_RULE_NEW_PAYEE,
    FRAUD_RULE_ROUND_AMOUNT,
    FraudFinding,
    TransferSignals,
)
from google.protobuf.message import Message

from command_service.decider import NEEDS_EFFECT
from tests.bank.book import Book, events_of
from tests.bank.given import given
from tests.bank.messages import closed, credited, debited, deposited, eur, frozen, opened, transferred

RECORD = commands.RecordTransactionRequest(transfer_id="t-1")
NOTIFY = commands.NotifyTransferPartiesRequest(transfer_id="t-1")
ANALYZE = commands.AnalyzeTransferForFraudRequest(transfer_id="t-1")
APPROVE = commands.ApproveFlaggedTransferRequest(transfer_id="t-1", reason="known to us")
REJECT = commands.RejectFlaggedTransferRequest(transfer_id="t-1", reason="fraud")
REVERSE = commands.ReverseTransferRequest(transfer_id="t-1", reason="by mistake")

MOVED = (
    opened("ada"),
    opened("bob"),
    deposited("ada", 1000, 1000),
    transferred(emails=("ada@example.org", "bob@example.org")),
    debited("ada", "bob", 100, 900),
    credited("bob", "ada", 100, 100),
)
FLAGGED = (*MOVED, events.TransferAnalyzed(transfer_id="t-1", score=65), events.TransferFlagged(transfer_id="t-1"))
BACK = (credited("ada", "bob", 100, 1000, ENTRY_KIND_REVERSAL), debited("bob", "ada", 100, 0, ENTRY_KIND_REVERSAL))


def reversed_(reason: str) -> events.TransferReversed:
    return events.TransferReversed(
        transfer_id="t-1",
        reason=reason,
        source_account_id="ada",
        destination_account_id="bob",
        amount=eur(100),
        source_balance=eur(1000),
        destination_balance=eur(0),
    )


# promise 000-47
def test_a_transfer_is_recorded_once_with_source_destination_and_amount() -> None:
    recorded = events.TransactionRecorded(
        transfer_id="t-1",
        source_account_id="ada",
        destination_account_id="bob",
        amount=eur(100),
        reference="rent",
    )
    given(*MOVED).when(RECORD).then(recorded)
    given(*MOVED, recorded).when(RECORD).then_quiet()


# promise 000-48
def test_both_parties_are_told_by_an_effect_and_once() -> None:
    book = Book().happened(*MOVED)
    assert book.decide(NOTIFY) is NEEDS_EFFECT
    told = events.TransferPartiesNotified(transfer_id="t-1", account_ids=["ada", "bob"])
    assert events_of(book.send(NOTIFY, outcome=("ada", "bob"))) == (told,)
    assert events_of(book.decide(NOTIFY)) == ()
    assert events_of(book.decide(NOTIFY, outcome=("ada", "bob"))) == ()


def test_where_neither_party_has_an_address_there_is_no_effect() -> None:
    silent = (*MOVED[:3], transferred(), *MOVED[4:])
    given(*silent).when(NOTIFY).then(events.TransferPartiesNotified(transfer_id="t-1"))


# promise 000-49
def test_every_transfer_is_analysed_and_a_high_score_flags_it_without_moving_money() -> None:
    low = events.TransferAnalyzed(
        transfer_id="t-1", score=15, findings=[FraudFinding(rule=FRAUD_RULE_NEW_PAYEE, points=15)]
    )
    given(*MOVED).when(ANALYZE).then(low)
    large = (*MOVED[:3], transferred(amount=1_000_000))
    high = events.TransferAnalyzed(
        transfer_id="t-1",
        score=75,
        findings=[
            FraudFinding(rule=FRAUD_RULE_LARGE_AMOUNT, points=50),
            FraudFinding(rule=FRAUD_RULE_ROUND_AMOUNT, points=10),
            FraudFinding(rule=FRAUD_RULE_NEW_PAYEE, points=15),
        ],
    )
    flagged = events.TransferFlagged(transfer_id="t-1", score=75, threshold=60)
    given(*large).when(ANALYZE).then(high, flagged)
    given(*large, high, flagged).when(ANALYZE).then_quiet()
    given(*MOVED, low).when(ANALYZE).then_quiet()


def test_a_transfer_whose_money_is_back_is_analysed_and_not_flagged() -> None:
    large = transferred(amount=1_000_000, signals=TransferSignals())
    given(*MOVED[:3], large, reversed_("by mistake")).when(ANALYZE).then(
        events.TransferAnalyzed(
            transfer_id="t-1",
            score=60,
            findings=[
                FraudFinding(rule=FRAUD_RULE_LARGE_AMOUNT, points=50),
                FraudFinding(rule=FRAUD_RULE_ROUND_AMOUNT, points=10),
            ],
        )
    )


def test_an_approved_transfer_stands_and_can_be_reversed_like_any_other() -> None:
    approved = events.FlaggedTransferApproved(transfer_id="t-1", reason="known to us")
    given(*FLAGGED).when(APPROVE).then(approved)
    given(*FLAGGED, approved).when(APPROVE).then_quiet()
    given(*FLAGGED, approved).when(REVERSE).then(reversed_("by mistake"), *BACK)


def test_a_rejected_transfer_is_reversed_in_the_same_decision() -> None:
    rejected = events.FlaggedTransferRejected(transfer_id="t-1", reason="fraud")
    given(*FLAGGED).when(REJECT).then(rejected, reversed_("fraud"), *BACK)
    given(*FLAGGED, rejected, reversed_("fraud"), *BACK).when(REJECT).then_quiet()
    book = Book().happened(*FLAGGED)
    book.send(REJECT)
    assert (book.account("ada").balance, book.account("bob").balance) == (1000, 0)


def test_a_rejection_that_the_payee_cannot_cover_is_refused_and_the_transfer_stays_flagged() -> None:
    spent = events.MoneyWithdrawn(account_id="bob", amount=eur(60), balance=eur(40))
    refused = (
        "FAILED_PRECONDITION",
        "EXCEEDS_CREDITS",
        'Insufficient funds in account "bob": 0.40 EUR available, 1.00 EUR requested',
    )
    given(*FLAGGED, spent).when(REJECT).then_refused(*refused)
    given(*MOVED, spent).when(REVERSE).then_refused(*refused)
    given(*FLAGGED, spent, deposited("bob", 60, 100)).when(REJECT).then(
        events.FlaggedTransferRejected(transfer_id="t-1", reason="fraud"), reversed_("fraud"), *BACK
    )


# promise 000-52
def test_a_reversal_is_a_movement_with_entries_of_its_own() -> None:
    given(*MOVED).when(REVERSE).then(reversed_("by mistake"), *BACK)
    given(*MOVED, reversed_("by mistake"), *BACK).when(REVERSE).then_quiet()
    given(*MOVED, reversed_("another"), *BACK).when(REVERSE).then_refused(
        "FAILED_PRECONDITION",
        "TRANSFER_ALREADY_REVERSED",
        'Transfer "t-1" has already been reversed for another reason',
    )


def test_a_reversal_passes_a_freeze_and_not_a_closure() -> None:
    given(*MOVED, frozen("ada"), frozen("bob")).when(REVERSE).then(reversed_("by mistake"), *BACK)
    gone = events.MoneyWithdrawn(account_id="bob", amount=eur(100), balance=eur(0))
    given(*MOVED, gone, closed("bob")).when(REVERSE).then_refused(
        "FAILED_PRECONDITION", "ACCOUNT_CLOSED", 'Account "bob" is closed'
    )
    left = events.MoneyWithdrawn(account_id="ada", amount=eur(900), balance=eur(0))
    given(*MOVED, left, closed("ada")).when(REVERSE).then_refused(
        "FAILED_PRECONDITION", "ACCOUNT_CLOSED", 'Account "ada" is closed'
    )


def test_a_flagged_transfer_is_approved_or_rejected_and_nothing_else() -> None:
    given(*FLAGGED).when(REVERSE).then_refused(
        "FAILED_PRECONDITION", "TRANSFER_FLAGGED", 'Transfer "t-1" is flagged: approve or reject it'
    )


NOT_FLAGGED = [
    (MOVED, APPROVE),
    (MOVED, REJECT),
    ((*FLAGGED, events.FlaggedTransferApproved(transfer_id="t-1")), REJECT),
    ((*FLAGGED, events.FlaggedTransferRejected(transfer_id="t-1", reason="x"), reversed_("x"), *BACK), APPROVE),
    ((*FLAGGED, events.FlaggedTransferRejected(transfer_id="t-1", reason="x"), reversed_("x"), *BACK), REJECT),
]


@pytest.mark.parametrize(("before", "command"), NOT_FLAGGED)
def test_only_what_waits_can_be_approved_or_rejected(before: tuple[Message, ...], command: Message) -> None:
    given(*before).when(command).then_refused(
        "FAILED_PRECONDITION", "TRANSFER_NOT_FLAGGED", 'Transfer "t-1" does not wait for an approval'
    )


@pytest.mark.parametrize(
    "command", [RECORD, NOTIFY, ANALYZE, APPROVE, REJECT, REVERSE], ids=lambda each: type(each).__name__
)
def test_an_unknown_transfer_is_not_found(command: Message) -> None:
    given(opened("ada")).when(command).then_refused("NOT_FOUND", "TRANSFER_NOT_FOUND", 'Transfer "t-1" does not exist')


@pytest.mark.parametrize("make", [commands.ReverseTransferRequest, commands.RejectFlaggedTransferRequest])
def test_going_back_needs_a_reason(make: type[Message]) -> None:
    given(*FLAGGED).when(make(transfer_id="t-1")).then_refused(
        "INVALID_ARGUMENT", "INVALID_REQUEST", "Reason cannot be empty"
    )
