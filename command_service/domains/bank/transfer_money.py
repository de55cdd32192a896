"""Step 4: money moved from one account to another, and moved back."""

from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.errors_pb2 import BANK_ERROR_TRANSFER_ALREADY_REVERSED, BANK_ERROR_TRANSFER_FLAGGED
from cqrs.bank.v1.types_pb2 import (
    ENTRY_KIND_REVERSAL,
    ENTRY_KIND_TRANSFER,
    TRANSFER_STATUS_COMPLETED,
    TRANSFER_STATUS_FLAGGED,
    TRANSFER_STATUS_REVERSED,
    TRANSFER_STATUS_UNSPECIFIED,
    Party,
)
from google.protobuf.message import Message

from command_service.decider import QUIET, Context, Decision
from command_service.domains.bank import account_rules as rules
from command_service.domains.bank.account_state import Account, signals
from command_service.domains.bank.movement import Cause, Movement, move
from command_service.domains.bank.refusal import money, refuse
from command_service.domains.bank.transfer_state import Transfer, is_the_same


def transfer_money(
    command: commands.TransferMoneyRequest, context: Context, transfer: Transfer, payer: Account, payee: Account
) -> Decision:
    """Both balances change; the transfer that there is already, by the same data, gives the first result again."""
    rules.both_exist(payer, command.source_account_id, payee, command.destination_account_id)
    rules.same_currency(payer, payee)
    rules.in_currency_of(payer, command.amount)
    transfer_id = command.transfer_id or context.new_id
    response = commands.TransferMoneyResponse(transfer_id=transfer_id, status=TRANSFER_STATUS_COMPLETED)
    if transfer.status != TRANSFER_STATUS_UNSPECIFIED:
        is_the_same(transfer, command)
        return Decision(response=response, replayed=True)
    rules.is_open(payer)
    rules.is_open(payee)
    cause = Cause(transfer_id, ENTRY_KIND_TRANSFER, command.reference, context.time)
    moved = move(command.amount.minor_units, payer, payee, cause)
    return Decision(
        events=((_transferred(moved, payer, payee),), (moved.debited,), (moved.credited,)),
        response=response,
        commands=(
            commands.RecordTransactionRequest(transfer_id=transfer_id),
            commands.NotifyTransferPartiesRequest(transfer_id=transfer_id),
            commands.AnalyzeTransferForFraudRequest(transfer_id=transfer_id),
        ),
    )


def _transferred(moved: Movement, payer: Account, payee: Account) -> events.MoneyTransferred:
    return events.MoneyTransferred(
        transfer_id=moved.debited.transfer_id,
        source=Party(account_id=payer.account_id, owner=payer.owner, email=payer.email),
        destination=Party(account_id=payee.account_id, owner=payee.owner, email=payee.email),
        amount=moved.debited.amount,
        reference=moved.debited.reference,
        source_balance=moved.debited.balance,
        destination_balance=moved.credited.balance,
        signals=signals(payer, payee.account_id, moved.debited.debit_time.seconds),
    )


def reverse(
    command: commands.ReverseTransferRequest,
    context: Context,
    transfer: Transfer,
    source: Account,
    destination: Account,
) -> Decision:
    """The money goes back; again for the same reason is quiet."""
    if transfer.status == TRANSFER_STATUS_REVERSED:
        if transfer.reversal_reason == command.reason:
            return QUIET
        text = f'Transfer "{command.transfer_id}" has already been reversed for another reason'
        raise refuse(BANK_ERROR_TRANSFER_ALREADY_REVERSED, text)
    if transfer.status == TRANSFER_STATUS_FLAGGED:
        raise refuse(BANK_ERROR_TRANSFER_FLAGGED, f'Transfer "{command.transfer_id}" is flagged: approve or reject it')
    return moved_back(command, context, transfer, source, destination)


def moved_back(
    command: commands.ReverseTransferRequest | commands.RejectFlaggedTransferRequest,
    context: Context,
    transfer: Transfer,
    source: Account,
    destination: Account,
    first: tuple[Message, ...] = (),
) -> Decision:
    """The reversal, after the events in `first`. A freeze does not hold it up: it is the bank's own doing."""
    rules.is_not_closed(destination)
    rules.is_not_closed(source)
    cause = Cause(command.transfer_id, ENTRY_KIND_REVERSAL, transfer.reference, context.time)
    moved = move(transfer.amount, destination, source, cause)
    reversed_ = events.TransferReversed(
        transfer_id=command.transfer_id,
        reason=command.reason,
        source_account_id=transfer.source_id,
        destination_account_id=transfer.destination_id,
        amount=money(transfer.amount, transfer.currency),
        source_balance=moved.credited.balance,
        destination_balance=moved.debited.balance,
    )
    return Decision(events=((*first, reversed_), (moved.credited,), (moved.debited,)))
