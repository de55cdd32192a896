"""Random commands on a few accounts and transfers, over few amounts so that they meet."""

from cqrs.bank.v1 import commands_pb2 as commands
from google.protobuf.message import Message
from hypothesis import strategies as st

from tests.bank.messages import eur

ACCOUNTS = st.sampled_from(["ada", "bob", "cyn"])
TRANSFER_IDS = st.sampled_from(["t-1", "t-2", "t-3", "t-4"])
AMOUNTS = st.builds(eur, st.sampled_from([1, 60, 100, 1_000_000]), st.sampled_from(["EUR", "EUR", "EUR", "USD"]))
REASONS = st.sampled_from(["mistake", "fraud"])
ABOUT_ACCOUNT, ABOUT_TRANSFER = {"account_id": ACCOUNTS}, {"transfer_id": TRANSFER_IDS}

OPEN = st.builds(
    commands.OpenAccountRequest,
    **ABOUT_ACCOUNT,
    owner=st.just("Owner"),
    email=st.sampled_from(["", "owner@example.org"]),
    currency_code=st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
    overdraft_limit=st.sampled_from([0, 0, 50]),
)
MONEY = st.one_of(
    st.builds(commands.DepositRequest, **ABOUT_ACCOUNT, amount=AMOUNTS),
    st.builds(commands.WithdrawRequest, **ABOUT_ACCOUNT, amount=AMOUNTS),
)
TRANSFER = st.builds(
    commands.TransferMoneyRequest,
    **ABOUT_TRANSFER,
    source_account_id=ACCOUNTS,
    destination_account_id=ACCOUNTS,
    amount=AMOUNTS,
    reference=st.sampled_from(["", "rent"]),
)
REVIEW = st.one_of(
    st.builds(commands.RecordTransactionRequest, **ABOUT_TRANSFER),
    st.builds(commands.NotifyTransferPartiesRequest, **ABOUT_TRANSFER),
    st.builds(commands.AnalyzeTransferForFraudRequest, **ABOUT_TRANSFER),
    st.builds(commands.AnalyzeTransferForFraudRequest, **ABOUT_TRANSFER),
    st.builds(commands.ReverseTransferRequest, **ABOUT_TRANSFER, reason=REASONS),
    st.builds(commands.ApproveFlaggedTransferRequest, **ABOUT_TRANSFER, reason=REASONS),
    st.builds(commands.RejectFlaggedTransferRequest, **ABOUT_TRANSFER, reason=REASONS),
)
STANDING = st.one_of(
    st.builds(commands.FreezeAccountRequest, **ABOUT_ACCOUNT, reason=REASONS),
    st.builds(commands.UnfreezeAccountRequest, **ABOUT_ACCOUNT),
    st.builds(commands.CloseAccountRequest, **ABOUT_ACCOUNT),
)

COMMANDS: st.SearchStrategy[Message] = st.one_of(
    TRANSFER, TRANSFER, TRANSFER, REVIEW, REVIEW, REVIEW, MONEY, STANDING, OPEN
)

BEGINNING: list[Message] = [
    commands.OpenAccountRequest(account_id=name, owner=name, email="o@example.org", currency_code="EUR")
    for name in ("ada", "bob")
] + [commands.DepositRequest(account_id=name, amount=eur(2_000_000)) for name in ("ada", "bob")]
"""Two accounts with money: what comes after it often succeeds."""

HISTORIES: st.SearchStrategy[list[Message]] = st.lists(COMMANDS, max_size=25).map(lambda rest: [*BEGINNING, *rest])
