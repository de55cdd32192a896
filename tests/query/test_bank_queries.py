"""What a bank's callers get from the query server."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cqrs.bank.v1 import queries_pb2 as queries
from cqrs.bank.v1.queries_pb2_grpc import AccountQueryServiceStub, LedgerQueryServiceStub, TransferQueryServiceStub
from cqrs.bank.v1.types_pb2 import ACCOUNT_STATUS_OPEN, TRANSFER_STATUS_FLAGGED
from cqrs.bank.v1.views_pb2 import AccountView, EntryView, StatementView, TransferView, TrialBalanceView
from cqrs.common.v1.common_pb2 import ConsistencyToken, Money, ReadConsistency
from google.protobuf.timestamp_pb2 import Timestamp

from query_service.memory_read_store import MemoryReadStore
from runtime.time_score import time_score
from tests.query.errors import reason, violations
from tests.query.writers import EPOCH, at

if TYPE_CHECKING:  # the generated module has these names for the type checker only
    from cqrs.bank.v1.queries_pb2_grpc import AccountQueryServiceAsyncStub, TransferQueryServiceAsyncStub

NOON = 1_700_000_000


def eur(minor_units: int) -> Money:
    return Money(minor_units=minor_units, currency_code="EUR")


@pytest.fixture
def accounts(channel: grpc.aio.Channel) -> AccountQueryServiceAsyncStub:
    return AccountQueryServiceStub(channel)


@pytest.fixture
def transfers(channel: grpc.aio.Channel) -> TransferQueryServiceAsyncStub:
    return TransferQueryServiceStub(channel)


async def refused(call: Awaitable[Any]) -> tuple[str, str, str]:
    """(code, reason, text) of a call that must be refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return str(caught.value.code().name), reason(caught.value)[0], str(caught.value.details())


async def test_a_balance_says_what_there_is_and_what_may_be_taken(
    store: MemoryReadStore, accounts: AccountQueryServiceAsyncStub
) -> None:
    ada = AccountView(
        account_id="ada",
        status=ACCOUNT_STATUS_OPEN,
        ledger_balance=eur(-20),
        available_balance=eur(30),
        overdraft_limit=eur(50),
        version=4,
    )
    store.apply("bank.accounts", at(9), {"account:ada": ada.SerializeToString()})
    token = ReadConsistency(at_least_token=ConsistencyToken(epoch=EPOCH, position=9))
    answer = await accounts.GetBalance(queries.GetBalanceRequest(account_id="ada", consistency=token))
    assert (answer.ledger_balance, answer.available_balance, answer.overdraft_limit) == (eur(-20), eur(30), eur(50))
    assert (answer.account_id, answer.status, answer.version) == ("ada", ACCOUNT_STATUS_OPEN, 4)
    assert answer.metadata.as_of.position == 9
    version = ReadConsistency(at_least_version=4)
    assert (await accounts.GetAccount(queries.GetAccountRequest(account_id="ada", consistency=version))).account == ada


async def test_accounts_are_listed_whole_and_by_owner(
    store: MemoryReadStore, accounts: AccountQueryServiceAsyncStub
) -> None:
    views = {f"account:{n}": AccountView(account_id=str(n)).SerializeToString() for n in (1, 2)}
    store.apply(
        "bank.accounts", at(2), views, {"accounts": {"account:1": 1, "account:2": 2}, "owner:Ada": {"account:1": 1}}
    )
    everybody = await accounts.ListAccounts(queries.ListAccountsRequest())
    assert [each.account_id for each in everybody.accounts] == ["2", "1"]
    hers = await accounts.ListAccounts(queries.ListAccountsRequest(owner="Ada"))
    assert ([each.account_id for each in hers.accounts], hers.total_size) == (["1"], 1)


async def test_what_is_not_there_is_not_found(
    accounts: AccountQueryServiceAsyncStub, transfers: TransferQueryServiceAsyncStub
) -> None:
    text = 'Account "no" does not exist'
    for call in (
        accounts.GetAccount(queries.GetAccountRequest(account_id="no")),
        accounts.GetBalance(queries.GetBalanceRequest(account_id="no")),
    ):
        assert await refused(call) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND", text)
    assert await refused(transfers.GetTransfer(queries.GetTransferRequest(transfer_id="no"))) == (
        "NOT_FOUND",
        "TRANSFER_NOT_FOUND",
        'Transfer "no" does not exist',
    )
    assert not (await accounts.ListTransactions(queries.ListTransactionsRequest(account_id="no"))).transactions


def put_entries(store: MemoryReadStore, *seconds: float) -> None:
    entries = {}
    scores = {}
    for number, after in enumerate(seconds, 1):
        time = Timestamp()
        time.FromNanoseconds(int((NOON + after) * 1e9))
        key = f"entry:ada-{number}"
        entries[key] = EntryView(entry_id=f"ada-{number}", entry_time=time).SerializeToString()
        scores[key] = time_score(time, number)
    store.apply("bank.transactions", at(len(seconds)), entries, {"account:ada": scores})


async def listed(accounts: AccountQueryServiceAsyncStub, **fields: object) -> tuple[list[str], str]:
    asked = queries.ListTransactionsRequest(account_id="ada", **fields)  # type: ignore[arg-type]
    answer = await accounts.ListTransactions(asked)
    return [each.entry_id.removeprefix("ada-") for each in answer.transactions], answer.next_page_token


async def test_entries_are_listed_newest_first_within_a_stretch_of_time_and_by_pages(
    store: MemoryReadStore, accounts: AccountQueryServiceAsyncStub
) -> None:
    put_entries(store, 0, 1, 1.5, 2, 3)
    one, three = Timestamp(seconds=NOON + 1), Timestamp(seconds=NOON + 3)
    assert (await listed(accounts))[0] == ["5", "4", "3", "2", "1"]
    assert (await listed(accounts, from_time=one, to_time=three))[0] == ["4", "3", "2"]
    assert (await listed(accounts, to_time=one))[0] == ["1"]
    assert (await listed(accounts, from_time=three))[0] == ["5"]
    first, token = await listed(accounts, from_time=one, to_time=three, page_size=2)
    assert (first, await listed(accounts, from_time=one, to_time=three, page_size=2, page_token=token)) == (
        ["4", "3"],
        (["2"], ""),
    )


async def test_a_stretch_of_time_must_not_end_before_it_begins(accounts: AccountQueryServiceAsyncStub) -> None:
    moment = Timestamp(seconds=NOON)
    asked = queries.ListTransactionsRequest(account_id="ada", from_time=moment, to_time=moment)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await accounts.ListTransactions(asked)
    assert violations(caught.value) == [("to_time", "The end of the stretch of time must be after its beginning")]


def put_statement(store: MemoryReadStore) -> StatementView:
    statement = StatementView(
        account_id="ada",
        month="2023-12",
        opening_balance=eur(5),
        credits=eur(10),
        debits=eur(3),
        closing_balance=eur(12),
        entry_count=2,
        version=4,
    )
    key = "statement:2023-12:ada"
    place = {"account:ada": {key: 2023 * 12 + 11}}
    store.apply("bank.statements", at(4), {key: statement.SerializeToString()}, place)
    return statement


async def test_a_month_without_entries_shows_the_balance_that_stood(
    store: MemoryReadStore, accounts: AccountQueryServiceAsyncStub
) -> None:
    december = put_statement(store)

    async def of(month: str) -> StatementView:
        request = queries.GetStatementRequest(account_id="ada", month=month)
        return (await accounts.GetStatement(request)).statement

    assert await of("2023-12") == december
    for later in ("2024-01", "2031-12"):
        assert await of(later) == StatementView(
            account_id="ada",
            month=later,
            opening_balance=eur(12),
            credits=eur(0),
            debits=eur(0),
            closing_balance=eur(12),
            version=4,
        )


async def test_there_is_no_statement_before_the_account_nor_of_a_month_that_is_none(
    store: MemoryReadStore, accounts: AccountQueryServiceAsyncStub
) -> None:
    put_statement(store)
    assert await refused(accounts.GetStatement(queries.GetStatementRequest(account_id="ada", month="2023-11"))) == (
        "NOT_FOUND",
        "STATEMENT_NOT_FOUND",
        'Account "ada" has no statement of 2023-11: it was opened later, or never',
    )
    assert await refused(accounts.GetStatement(queries.GetStatementRequest(account_id="ada", month="2023-13"))) == (
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        "Month must be written YYYY-MM",
    )
    version = ReadConsistency(at_least_version=1)
    asked = queries.GetStatementRequest(account_id="ada", month="2023-12", consistency=version)
    assert (await refused(accounts.GetStatement(asked)))[0] == "INVALID_ARGUMENT"


async def test_flagged_transfers_are_listed(store: MemoryReadStore, transfers: TransferQueryServiceAsyncStub) -> None:
    flagged = TransferView(transfer_id="t-1", status=TRANSFER_STATUS_FLAGGED, version=3)
    store.apply(
        "bank.transfers", at(3), {"transfer:t-1": flagged.SerializeToString()}, {"flagged": {"transfer:t-1": 1}}
    )
    assert list((await transfers.ListFlaggedTransfers(queries.ListFlaggedTransfersRequest())).transfers) == [flagged]
    assert (await transfers.GetTransfer(queries.GetTransferRequest(transfer_id="t-1"))).transfer == flagged


async def test_a_currency_that_nobody_holds_is_balanced_at_zero(
    store: MemoryReadStore, channel: grpc.aio.Channel
) -> None:
    ledger = LedgerQueryServiceStub(channel)
    book = TrialBalanceView(currency_code="EUR", total_debits="7", total_credits="7", balance="0")
    store.apply("bank.ledger", at(3), {"currency:EUR": book.SerializeToString()})
    assert (await ledger.GetTrialBalance(queries.GetTrialBalanceRequest(currency_code="EUR"))).trial_balance == book
    empty = (await ledger.GetTrialBalance(queries.GetTrialBalanceRequest(currency_code="USD"))).trial_balance
    assert (empty.currency_code, empty.balance, empty.accounts_balance, empty.open_accounts) == ("USD", "0", "0", 0)
