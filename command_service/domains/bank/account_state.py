"""Step 4: an account as its rules see it, and what its entries make of it."""

from dataclasses import dataclass, replace

from cqrs.bank.v1.events_pb2 import AccountDebited, AccountOpened
from cqrs.bank.v1.types_pb2 import (
    ACCOUNT_STATUS_OPEN,
    ACCOUNT_STATUS_UNSPECIFIED,
    ENTRY_KIND_TRANSFER,
    AccountStatus,
    TransferSignals,
)

MOST_TRANSFERS, MOST_PAYEES = 10, 50
"""How many of the last transfers' times, and of the last payees, an account remembers."""

WINDOW_SECONDS = 3_600
"""How far back a transfer counts as recent."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account; one that was never opened has no status. Amounts are in the currency's minor unit."""

    status: AccountStatus.ValueType = ACCOUNT_STATUS_UNSPECIFIED
    account_id: str = ""
    owner: str = ""
    email: str = ""
    currency: str = ""
    overdraft_limit: int = 0
    credits: int = 0
    """The sum of all that ever came in."""
    debits: int = 0
    """The sum of all that ever went out."""
    freeze_reason: str = ""
    transfer_seconds: tuple[int, ...] = ()
    """When the last transfers left it, oldest first, in seconds since 1970."""
    payees: tuple[str, ...] = ()
    """The accounts that it paid last, the latest first."""

    @property
    def balance(self) -> int:
        """What all entries add up to."""
        return self.credits - self.debits

    @property
    def available(self) -> int:
        """What may be taken out at most, the overdraft included."""
        return self.balance + self.overdraft_limit

    def __str__(self) -> str:
        status = AccountStatus.Name(self.status).removeprefix("ACCOUNT_STATUS_").lower()
        return f"Account(status={status}, balance={self.balance} {self.currency})"


def opened(event: AccountOpened) -> Account:
    """A new account, empty."""
    return Account(
        status=ACCOUNT_STATUS_OPEN,
        account_id=event.account_id,
        owner=event.owner,
        email=event.email,
        currency=event.currency_code,
        overdraft_limit=event.overdraft_limit,
    )


def debited(account: Account, event: AccountDebited) -> Account:
    """The account after money left it for another one; a reversal is none of its own transfers."""
    debits = account.debits + event.amount.minor_units
    if event.kind != ENTRY_KIND_TRANSFER:
        return replace(account, debits=debits)
    payee = event.counterparty_account_id
    return replace(
        account,
        debits=debits,
        transfer_seconds=(*account.transfer_seconds, event.debit_time.seconds)[-MOST_TRANSFERS:],
        payees=(payee, *(known for known in account.payees if known != payee))[:MOST_PAYEES],
    )


def signals(account: Account, payee_id: str, now_seconds: int) -> TransferSignals:
    """What is known of the account at the moment when a transfer leaves it."""
    since = now_seconds - WINDOW_SECONDS
    return TransferSignals(
        recent_transfers=sum(seconds > since for seconds in account.transfer_seconds),
        new_payee=payee_id not in account.payees,
    )
