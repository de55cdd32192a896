"""Short ways to write the bank's messages down in tests."""

from typing import Any

from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.types_pb2 import ENTRY_KIND_TRANSFER, EntryKind, Party, TransferSignals
from cqrs.common.v1.common_pb2 import Money
from google.protobuf.timestamp_pb2 import Timestamp

START = 1_700_000_000
"""The second at which a test's bank opens."""


def eur(minor_units: int, currency: str = "EUR") -> Money:
    return Money(minor_units=minor_units, currency_code=currency)


def opened(account_id: str, limit: int = 0, currency: str = "EUR", email: str = "") -> events.AccountOpened:
    return events.AccountOpened(
        account_id=account_id, owner=account_id.title(), email=email, currency_code=currency, overdraft_limit=limit
    )


def open_account(
    account_id: str, limit: int = 0, currency: str = "EUR", email: str = ""
) -> commands.OpenAccountRequest:
    return commands.OpenAccountRequest(
        account_id=account_id, owner=account_id.title(), email=email, currency_code=currency, overdraft_limit=limit
    )


def deposit(account_id: str, amount: int, currency: str = "EUR") -> commands.DepositRequest:
    return commands.DepositRequest(account_id=account_id, amount=eur(amount, currency), reference="in")


def withdraw(account_id: str, amount: int, currency: str = "EUR") -> commands.WithdrawRequest:
    return commands.WithdrawRequest(account_id=account_id, amount=eur(amount, currency), reference="out")


def deposited(account_id: str, amount: int, balance: int, currency: str = "EUR") -> events.MoneyDeposited:
    return events.MoneyDeposited(
        account_id=account_id,
        outside_id=f"outside:{currency}",
        amount=eur(amount, currency),
        balance=eur(balance, currency),
        reference="in",
    )


def withdrawn(account_id: str, amount: int, balance: int, currency: str = "EUR") -> events.MoneyWithdrawn:
    return events.MoneyWithdrawn(
        account_id=account_id,
        outside_id=f"outside:{currency}",
        amount=eur(amount, currency),
        balance=eur(balance, currency),
        reference="out",
    )


def frozen(account_id: str, reason: str = "suspicion") -> events.AccountFrozen:
    return events.AccountFrozen(account_id=account_id, reason=reason)


def closed(account_id: str, currency: str = "EUR") -> events.AccountClosed:
    return events.AccountClosed(account_id=account_id, currency_code=currency)


def transfer(
    source: str = "ada", destination: str = "bob", amount: int = 100, transfer_id: str = "t-1", **fields: Any
) -> commands.TransferMoneyRequest:
    return commands.TransferMoneyRequest(
        transfer_id=transfer_id,
        source_account_id=source,
        destination_account_id=destination,
        amount=eur(amount, fields.pop("currency", "EUR")),
        **{"reference": "rent", **fields},
    )


def transferred(
    source: str = "ada",
    destination: str = "bob",
    amount: int = 100,
    balances: tuple[int, int] = (900, 100),
    transfer_id: str = "t-1",
    **fields: Any,
) -> events.MoneyTransferred:
    emails = fields.pop("emails", ("", ""))
    signals = fields.pop("signals", TransferSignals(new_payee=True))
    return events.MoneyTransferred(
        transfer_id=transfer_id,
        source=Party(account_id=source, owner=source.title(), email=emails[0]),
        destination=Party(account_id=destination, owner=destination.title(), email=emails[1]),
        amount=eur(amount),
        reference="rent",
        source_balance=eur(balances[0]),
        destination_balance=eur(balances[1]),
        signals=signals,
    )


def debited(
    account_id: str, other: str, amount: int, balance: int, kind: EntryKind.ValueType = ENTRY_KIND_TRANSFER, at: int = 0
) -> events.AccountDebited:
    return events.AccountDebited(
        account_id=account_id,
        counterparty_account_id=other,
        transfer_id="t-1",
        kind=kind,
        amount=eur(amount),
        balance=eur(balance),
        reference="rent",
        debit_time=Timestamp(seconds=START + at),
    )


def credited(
    account_id: str, other: str, amount: int, balance: int, kind: EntryKind.ValueType = ENTRY_KIND_TRANSFER
) -> events.AccountCredited:
    return events.AccountCredited(
        account_id=account_id,
        counterparty_account_id=other,
        transfer_id="t-1",
        kind=kind,
        amount=eur(amount),
        balance=eur(balance),
        reference="rent",
    )
