"""Step 4: money on its way from one account to another: the two entries, and what must hold for them."""

from dataclasses import dataclass

from cqrs.bank.v1.events_pb2 import AccountCredited, AccountDebited
from cqrs.bank.v1.types_pb2 import EntryKind
from cqrs.common.v1.common_pb2 import Money
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.domains.bank import account_rules as rules
from command_service.domains.bank.account_state import Account
from command_service.domains.bank.refusal import money


@dataclass(frozen=True, slots=True)
class Movement:
    """The two entries of a movement; they stand in the log together or not at all."""

    debited: AccountDebited
    credited: AccountCredited


@dataclass(frozen=True, slots=True)
class Cause:
    """What a movement belongs to."""

    transfer_id: str
    kind: EntryKind.ValueType
    reference: str
    time: Timestamp


def move(amount: int, payer: Account, payee: Account, cause: Cause) -> Movement:
    """The entries of `amount` minor units from one account to another; raises EXCEEDS_CREDITS, OVERFLOWS_…."""
    rules.covers(payer, amount)
    rules.fits_debits(payer, amount)
    rules.fits_credits(payee, amount)
    return Movement(
        AccountDebited(
            account_id=payer.account_id,
            counterparty_account_id=payee.account_id,
            transfer_id=cause.transfer_id,
            kind=cause.kind,
            amount=_of(payer, amount),
            balance=_of(payer, payer.balance - amount),
            reference=cause.reference,
            debit_time=cause.time,
        ),
        AccountCredited(
            account_id=payee.account_id,
            counterparty_account_id=payer.account_id,
            transfer_id=cause.transfer_id,
            kind=cause.kind,
            amount=_of(payee, amount),
            balance=_of(payee, payee.balance + amount),
            reference=cause.reference,
        ),
    )


def _of(account: Account, minor_units: int) -> Money:
    return money(minor_units, account.currency)
