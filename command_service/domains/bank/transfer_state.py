"""Step 4: a transfer as its rules see it, and what must hold of it."""

from dataclasses import dataclass

from cqrs.bank.v1.commands_pb2 import TransferMoneyRequest
from cqrs.bank.v1.errors_pb2 import (
    BANK_ERROR_EXISTS_WITH_DIFFERENT_AMOUNT,
    BANK_ERROR_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT,
    BANK_ERROR_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT,
    BANK_ERROR_EXISTS_WITH_DIFFERENT_REFERENCE,
    BANK_ERROR_TRANSFER_NOT_FOUND,
)
from cqrs.bank.v1.events_pb2 import MoneyTransferred
from cqrs.bank.v1.types_pb2 import (
    FRAUD_VERDICT_UNSPECIFIED,
    TRANSFER_STATUS_COMPLETED,
    TRANSFER_STATUS_UNSPECIFIED,
    FraudVerdict,
    TransferStatus,
)

from command_service.domains.bank.refusal import refuse


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer; one that was never made has no status."""

    status: TransferStatus.ValueType = TRANSFER_STATUS_UNSPECIFIED
    source_id: str = ""
    destination_id: str = ""
    source_owner: str = ""
    source_email: str = ""
    destination_owner: str = ""
    destination_email: str = ""
    amount: int = 0
    """In the currency's minor unit."""
    currency: str = ""
    reference: str = ""
    recent_transfers: int = 0
    new_payee: bool = False
    verdict: FraudVerdict.ValueType = FRAUD_VERDICT_UNSPECIFIED
    review_reason: str = ""
    """What an operator said, approving or rejecting it."""
    reversal_reason: str = ""

    def __str__(self) -> str:
        status = TransferStatus.Name(self.status).removeprefix("TRANSFER_STATUS_").lower()
        return f"Transfer(status={status}, amount={self.amount} {self.currency})"


def transferred(event: MoneyTransferred) -> Transfer:
    """A new transfer, whose money has moved."""
    return Transfer(
        status=TRANSFER_STATUS_COMPLETED,
        source_id=event.source.account_id,
        destination_id=event.destination.account_id,
        source_owner=event.source.owner,
        source_email=event.source.email,
        destination_owner=event.destination.owner,
        destination_email=event.destination.email,
        amount=event.amount.minor_units,
        currency=event.amount.currency_code,
        reference=event.reference,
        recent_transfers=event.signals.recent_transfers,
        new_payee=event.signals.new_payee,
    )


def exists(transfer: Transfer, transfer_id: str) -> None:
    """The transfer was made."""
    if transfer.status == TRANSFER_STATUS_UNSPECIFIED:
        raise refuse(BANK_ERROR_TRANSFER_NOT_FOUND, f'Transfer "{transfer_id}" does not exist')


def is_the_same(transfer: Transfer, command: TransferMoneyRequest) -> None:
    """The transfer that has the command's id was made by the same data."""
    exists_with = f'Transfer "{command.transfer_id}" exists with a different'
    if transfer.source_id != command.source_account_id:
        raise refuse(BANK_ERROR_EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT, f"{exists_with} source account")
    if transfer.destination_id != command.destination_account_id:
        raise refuse(BANK_ERROR_EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT, f"{exists_with} destination account")
    if transfer.amount != command.amount.minor_units:
        raise refuse(BANK_ERROR_EXISTS_WITH_DIFFERENT_AMOUNT, f"{exists_with} amount")
    if transfer.reference != command.reference:
        raise refuse(BANK_ERROR_EXISTS_WITH_DIFFERENT_REFERENCE, f"{exists_with} reference")
