"""Step 0: the requests of a bank's clients: accounts to begin with, transfers on two of them or on all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from cqrs.bank.v1.commands_pb2 import OpenAccountRequest, TransferMoneyRequest
from cqrs.common.v1.common_pb2 import Money

OPEN_ACCOUNT = "/cqrs.bank.v1.AccountCommandService/OpenAccount"
TRANSFER_MONEY = "/cqrs.bank.v1.TransferCommandService/TransferMoney"
_NEVER_BINDS = 10**15


def accounts(prefix: str) -> Iterator[bytes]:
    """Accounts `account_id(0, prefix)` and so on, which may owe as much as an account may."""
    for number in itertools.count():
        yield OpenAccountRequest(
            account_id=account_id(number, prefix),
            owner="Ada Example",
            currency_code="GBP",
            overdraft_limit=_NEVER_BINDS,
        ).SerializeToString()


def hot_transfers(prefix: str) -> Iterator[bytes]:
    """Between the first two accounts, to and fro, for ever: every transfer decides on the same two streams."""
    return itertools.cycle([_transfer(0, 1, prefix), _transfer(1, 0, prefix)])


def distinct_transfers(prefix: str, pairs: int) -> Iterator[bytes]:
    """Between the accounts of so many pairs in turn: no two that are in flight together share an account."""
    return itertools.cycle([_transfer(2 * pair, 2 * pair + 1, prefix) for pair in range(pairs)])


def account_id(number: int, prefix: str) -> str:
    """The id of a numbered account of the benchmark."""
    return f"{prefix}-{number:06d}"


def _transfer(payer: int, payee: int, prefix: str) -> bytes:
    return TransferMoneyRequest(
        source_account_id=account_id(payer, prefix),
        destination_account_id=account_id(payee, prefix),
        amount=Money(minor_units=1, currency_code="GBP"),
    ).SerializeToString()
