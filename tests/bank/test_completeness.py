"""Nothing of the bank's contract is left out: every RPC decided, every event projected, every refusal raised."""

from cqrs.bank.v1 import commands_pb2, errors_pb2, events_pb2, views_pb2
from google.protobuf.message import Message
from hypothesis import given, settings

from command_service.domains.bank import DECIDERS
from command_service.domains.bank.account import ACCOUNT
from command_service.domains.bank.transfer import TRANSFER
from command_service.domains.bank.transfer_follow_up import NOTICE, RECORD
from projector.domains.bank import PROJECTIONS
from tests import completeness
from tests.bank.book import Book, events_of
from tests.bank.commands_strategy import HISTORIES
from tests.bank.messages import open_account, transfer
from tests.bank.test_properties import sent
from tests.completeness import Domain

BANK = Domain(
    name="bank",
    commands=(commands_pb2.DESCRIPTOR,),
    events=events_pb2.DESCRIPTOR,
    views=views_pb2.DESCRIPTOR,
    errors=errors_pb2.BankError,
    deciders=DECIDERS,
    aggregates=(ACCOUNT, TRANSFER, RECORD, NOTICE),
    projections=PROJECTIONS,
)
SEEN: dict[str, set[str]] = {}
BEGUN: list[Message] = [open_account("ada", 10**9), open_account("bob"), transfer(amount=10**6)]
RARE: list[list[Message]] = [
    [
        *BEGUN,
        commands_pb2.AnalyzeTransferForFraudRequest(transfer_id="t-1"),
        commands_pb2.ApproveFlaggedTransferRequest(transfer_id="t-1"),
    ],
    [
        *BEGUN,
        commands_pb2.AnalyzeTransferForFraudRequest(transfer_id="t-1"),
        commands_pb2.RejectFlaggedTransferRequest(transfer_id="t-1", reason="fraud"),
    ],
    [*BEGUN, commands_pb2.ReverseTransferRequest(transfer_id="t-1", reason="by mistake")],
    [
        *BEGUN,
        commands_pb2.RecordTransactionRequest(transfer_id="t-1"),
        commands_pb2.NotifyTransferPartiesRequest(transfer_id="t-1"),
    ],
    [
        open_account("ada"),
        commands_pb2.FreezeAccountRequest(account_id="ada", reason="suspicion"),
        commands_pb2.UnfreezeAccountRequest(account_id="ada"),
        commands_pb2.CloseAccountRequest(account_id="ada"),
    ],
]
"""Histories that are seldom met by chance."""


def test_every_service_is_decided() -> None:
    completeness.every_service_is_decided(BANK)


def test_every_command_reads_the_stream_of_its_contract_first() -> None:
    completeness.every_command_reads_the_stream_of_its_contract_first(BANK)


def test_every_event_is_evolved_by_its_aggregate() -> None:
    completeness.every_event_is_evolved_by_its_aggregate(BANK)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(HISTORIES)
def _try_everything(history: list[Message]) -> None:
    _try(history)


def _try(history: list[Message]) -> None:
    book = Book()
    for command in history:
        decision = sent(book, command)
        happened = {made.DESCRIPTOR.full_name for made in events_of(decision)} if decision else set()
        SEEN.setdefault(command.DESCRIPTOR.full_name, set()).update(happened)


def test_commands_emit_exactly_the_events_that_their_contract_names() -> None:
    SEEN.clear()
    _try_everything()
    for history in RARE:
        _try(history)
    completeness.commands_emit_what_their_contract_names(BANK, SEEN)


def test_every_refusal_of_the_contract_is_raised_somewhere() -> None:
    completeness.every_refusal_is_raised_somewhere(BANK)


def test_every_event_is_projected_and_every_view_has_its_projection() -> None:
    completeness.every_event_is_projected_and_every_view_has_its_projection(BANK)


def test_a_view_has_the_key_that_its_contract_names() -> None:
    ids = {"account_id": "7", "transfer_id": "8", "currency_code": "EUR", "month": "2023-11 2023-12"}
    ids |= {"source_account_id": "7", "destination_account_id": "7"}
    completeness.every_view_has_the_key_of_its_contract(BANK, ids)
