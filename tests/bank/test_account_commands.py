"""What each command on an account leads to."""

import pytest
from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from google.protobuf.message import Message

from tests.bank.book import NEW_ID
from tests.bank.given import given
from tests.bank.messages import (
    closed,
    deposit,
    deposited,
    eur,
    frozen,
    open_account,
    opened,
    withdraw,
    withdrawn,
)

MOST = 10**15
CLOSE = commands.CloseAccountRequest(account_id="ada")
FREEZE = commands.FreezeAccountRequest(account_id="ada", reason="suspicion")
UNFREEZE = commands.UnfreezeAccountRequest(account_id="ada")


def test_an_account_is_opened_empty_under_the_given_id_or_a_generated_one() -> None:
    given().when(open_account("ada", 500, email="ada@example.org")).then(opened("ada", 500, email="ada@example.org"))
    generated = opened(NEW_ID)
    generated.owner = ""
    without_id = open_account("")
    without_id.owner = "Ada"
    generated.owner = "Ada"
    given().when(without_id).then(generated)


def test_an_account_id_is_taken_once() -> None:
    given(opened("ada")).when(open_account("ada")).then_refused(
        "ALREADY_EXISTS", "ACCOUNT_ALREADY_EXISTS", 'Account with id "ada" already exists'
    )


def test_the_outside_cannot_be_opened_as_an_account() -> None:
    given().when(open_account("outside:EUR")).then_refused(
        "INVALID_ARGUMENT", "INVALID_REQUEST", 'Account id cannot begin with "outside:"'
    )


def test_an_invalid_email_is_a_shape_error() -> None:
    given().when(open_account("ada", email="nowhere")).then_refused(
        "INVALID_ARGUMENT", "INVALID_REQUEST", "Invalid email nowhere"
    )


def test_a_deposit_is_both_entries_in_one_event() -> None:
    given(opened("ada")).when(deposit("ada", 250)).then(deposited("ada", 250, 250))
    given(opened("ada"), deposited("ada", 250, 250)).when(deposit("ada", 50)).then(deposited("ada", 50, 300))


def test_a_withdrawal_is_both_entries_in_one_event_and_reaches_down_to_the_overdraft_limit() -> None:
    given(opened("ada"), deposited("ada", 250, 250)).when(withdraw("ada", 250)).then(withdrawn("ada", 250, 0))
    given(opened("ada", 100), deposited("ada", 250, 250)).when(withdraw("ada", 350)).then(withdrawn("ada", 350, -100))


# promise 000-51
def test_no_withdrawal_goes_below_the_overdraft_limit() -> None:
    given(opened("ada"), deposited("ada", 250, 250)).when(withdraw("ada", 251)).then_refused(
        "FAILED_PRECONDITION",
        "EXCEEDS_CREDITS",
        'Insufficient funds in account "ada": 2.50 EUR available, 2.51 EUR requested',
    )
    given(opened("ada", 100)).when(withdraw("ada", 101)).then_refused(
        "FAILED_PRECONDITION",
        "EXCEEDS_CREDITS",
        'Insufficient funds in account "ada": 1.00 EUR available, 1.01 EUR requested',
    )


@pytest.mark.parametrize("make", [deposit, withdraw])
@pytest.mark.parametrize("amount", [0, -1, -(2**63)])
def test_an_amount_must_be_greater_than_zero(make: object, amount: int) -> None:
    given(opened("ada")).when(make("ada", amount)).then_refused(  # type: ignore[operator]
        "INVALID_ARGUMENT", "AMOUNT_MUST_NOT_BE_ZERO", "Amount must be greater than zero"
    )


@pytest.mark.parametrize("make", [deposit, withdraw])
def test_an_amount_must_be_in_the_account_s_currency(make: object) -> None:
    given(opened("ada")).when(make("ada", 5, "USD")).then_refused(  # type: ignore[operator]
        "FAILED_PRECONDITION", "AMOUNT_MUST_HAVE_THE_SAME_LEDGER", 'The amount is in USD, account "ada" in EUR'
    )


def test_the_sums_of_an_account_stay_within_what_an_amount_holds() -> None:
    largest = 2**63 - 1
    full = events.MoneyDeposited(account_id="ada", amount=eur(largest - 5), balance=eur(largest - 5))
    given(opened("ada"), full).when(deposit("ada", 5)).then(deposited("ada", 5, largest))
    given(opened("ada"), full).when(deposit("ada", 6)).then_refused(
        "FAILED_PRECONDITION",
        "OVERFLOWS_CREDITS",
        'The credits of account "ada" would be more than an amount can be',
    )
    gone = events.MoneyWithdrawn(account_id="ada", amount=eur(largest - 5), balance=eur(0))
    more = events.MoneyDeposited(account_id="ada", amount=eur(5), balance=eur(5))
    given(opened("ada", MOST), full, gone, more).when(withdraw("ada", 6)).then_refused(
        "FAILED_PRECONDITION",
        "OVERFLOWS_DEBITS",
        'The debits of account "ada" would be more than an amount can be',
    )


def test_what_is_available_stays_within_what_an_amount_holds() -> None:
    """An overdraft comes on top of the balance: a view that could not hold both would stop every account's."""
    largest = 2**63 - 1
    almost = largest - MOST - 5
    full = events.MoneyDeposited(account_id="ada", amount=eur(almost), balance=eur(almost))
    given(opened("ada", MOST), full).when(deposit("ada", 5)).then(deposited("ada", 5, largest - MOST))
    given(opened("ada", MOST), full).when(deposit("ada", 6)).then_refused(
        "FAILED_PRECONDITION",
        "OVERFLOWS_CREDITS",
        'The credits of account "ada" would be more than an amount can be',
    )


def test_an_account_is_closed_when_it_is_empty_and_only_then() -> None:
    given(opened("ada")).when(CLOSE).then(closed("ada"))
    given(opened("ada"), deposited("ada", 1, 1)).when(CLOSE).then_refused(
        "FAILED_PRECONDITION",
        "ACCOUNT_HAS_BALANCE",
        'Account "ada" cannot be closed: its balance is 0.01 EUR, not zero',
    )
    given(opened("ada", 9), withdrawn("ada", 1, -1)).when(CLOSE).then_refused(
        "FAILED_PRECONDITION",
        "ACCOUNT_HAS_BALANCE",
        'Account "ada" cannot be closed: its balance is -0.01 EUR, not zero',
    )


def test_freezing_and_unfreezing() -> None:
    given(opened("ada")).when(FREEZE).then(frozen("ada"))
    given(opened("ada"), frozen("ada")).when(UNFREEZE).then(events.AccountUnfrozen(account_id="ada"))
    given(opened("ada"), frozen("ada", "another")).when(FREEZE).then_refused(
        "FAILED_PRECONDITION", "ACCOUNT_FROZEN", 'Account "ada" has already been frozen for another reason'
    )
    thawed = events.AccountUnfrozen(account_id="ada")
    given(opened("ada"), frozen("ada"), thawed).when(deposit("ada", 5)).then(deposited("ada", 5, 5))


def test_what_is_so_already_is_quiet() -> None:
    given(opened("ada"), closed("ada")).when(CLOSE).then_quiet()
    given(opened("ada"), frozen("ada")).when(FREEZE).then_quiet()
    given(opened("ada")).when(UNFREEZE).then_quiet()


@pytest.mark.parametrize(
    "command", [deposit("ada", 5), withdraw("ada", 5), CLOSE], ids=lambda each: type(each).__name__
)
def test_nothing_moves_and_nothing_closes_while_an_account_is_frozen(command: Message) -> None:
    given(opened("ada", 10), frozen("ada")).when(command).then_refused(
        "FAILED_PRECONDITION", "ACCOUNT_FROZEN", 'Account "ada" is frozen'
    )


@pytest.mark.parametrize(
    "command", [deposit("ada", 5), withdraw("ada", 5), FREEZE, UNFREEZE], ids=lambda each: type(each).__name__
)
def test_a_closed_account_stays_closed(command: Message) -> None:
    given(opened("ada", 10), closed("ada")).when(command).then_refused(
        "FAILED_PRECONDITION", "ACCOUNT_CLOSED", 'Account "ada" is closed'
    )


@pytest.mark.parametrize(
    "command", [deposit("ada", 5), withdraw("ada", 5), FREEZE, UNFREEZE, CLOSE], ids=lambda each: type(each).__name__
)
def test_an_unknown_account_is_not_found(command: Message) -> None:
    given(opened("bob")).when(command).then_refused("NOT_FOUND", "ACCOUNT_NOT_FOUND", 'Account "ada" does not exist')
