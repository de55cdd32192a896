"""What holds after any sequence of commands: books that balance, limits that hold, retries that do nothing."""

from collections import Counter
from typing import Any

import pytest
from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import TRANSFER_STATUS_FLAGGED
from google.protobuf.message import Message
from hypothesis import given, settings

from command_service.decider import NEEDS_EFFECT, Decision
from command_service.domains.bank.account_state import Account
from command_service.domains.bank.transfer_state import Transfer
from runtime.refusals import Refused
from tests.bank.book import Book, events_of
from tests.bank.commands_strategy import HISTORIES

ADDS_EACH_TIME = commands.DepositRequest | commands.WithdrawRequest
"""Commands without an id of their own: two of them are two movements, and only the command id tells a retry."""


def sent(book: Book, command: Message) -> Decision | None:
    """What a command led to, its effect included; None when it was refused, which changed nothing."""
    before = len(book.facts)
    try:
        decision = book.send(command)
        return book.send(command, outcome=("ada",)) if decision is NEEDS_EFFECT else decision
    except Refused:
        assert len(book.facts) == before
        return None


def entries(book: Book) -> Counter[tuple[str, str]]:
    """The sum of all entries by currency and account, by code that knows nothing of the product's states."""
    sums: Counter[tuple[str, str]] = Counter()
    for fact in book.facts:
        event: Any = fact.event
        match event:
            case events.MoneyDeposited() | events.MoneyWithdrawn():
                sign = 1 if isinstance(event, events.MoneyDeposited) else -1
                sums[event.amount.currency_code, event.account_id] += sign * event.amount.minor_units
                sums[event.amount.currency_code, event.outside_id] -= sign * event.amount.minor_units
            case events.AccountCredited():
                sums[event.amount.currency_code, event.account_id] += event.amount.minor_units
            case events.AccountDebited():
                sums[event.amount.currency_code, event.account_id] -= event.amount.minor_units
    return sums


# promise 000-45, 000-51
@settings(max_examples=300, deadline=None)
@given(HISTORIES)
def test_all_entries_add_up_to_zero_and_no_balance_is_ever_below_its_limit(history: list[Message]) -> None:
    book = Book()
    for command in history:
        sent(book, command)
        sums = entries(book)
        for currency in ("EUR", "USD"):
            assert sum(total for (of, _), total in sums.items() if of == currency) == 0
        for name in ("ada", "bob", "cyn"):
            account = book.account(name)
            assert account.balance == sum(total for (_, of), total in sums.items() if of == name)
            assert account.balance >= -account.overdraft_limit


@settings(max_examples=200, deadline=None)
@given(HISTORIES)
def test_every_success_is_quiet_the_second_time_or_refused_as_taken(history: list[Message]) -> None:
    book = Book()
    for command in history:
        first = sent(book, command)
        if first is None or isinstance(command, ADDS_EACH_TIME):
            continue
        if isinstance(command, commands.OpenAccountRequest):
            with pytest.raises(Refused, match="already exists"):
                book.decide(command)
            continue
        again = book.decide(command)
        assert events_of(again) == again.commands == ()
        assert again.response == first.response


# promise 000-52
@settings(max_examples=200, deadline=None)
@given(HISTORIES)
def test_both_entries_of_a_movement_stand_together_and_say_what_the_balances_were(history: list[Message]) -> None:
    book = Book()
    for command in history:
        decision = sent(book, command)
        happened: list[Any] = list(events_of(decision)) if decision else []
        moved = [each for each in happened if isinstance(each, events.AccountDebited | events.AccountCredited)]
        assert len(moved) in (0, 2)
        if moved:
            one, other = moved
            assert {type(one), type(other)} == {events.AccountDebited, events.AccountCredited}
            assert (one.amount, one.transfer_id, one.kind) == (other.amount, other.transfer_id, other.kind)
            assert (one.account_id, other.account_id) == (other.counterparty_account_id, one.counterparty_account_id)
            for each in moved:
                assert each.balance.minor_units == book.account(each.account_id).balance


@settings(max_examples=200, deadline=None)
@given(HISTORIES)
def test_only_an_operator_moves_the_money_of_a_flagged_transfer(history: list[Message]) -> None:
    book = Book()
    for command in history:
        flagged = {f"t-{n}" for n in range(1, 5) if book.transfer(f"t-{n}").status == TRANSFER_STATUS_FLAGGED}
        decision = sent(book, command)
        for event in events_of(decision) if decision else ():
            if isinstance(event, events.TransferReversed) and event.transfer_id in flagged:
                assert isinstance(command, commands.RejectFlaggedTransferRequest)


def test_a_state_cannot_be_changed() -> None:
    for state, field in ((Account(), "credits"), (Transfer(), "amount")):
        with pytest.raises(AttributeError):
            setattr(state, field, 1)
