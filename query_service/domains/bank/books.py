"""Questions about entries: an account's, a month's, the whole book's."""

from collections.abc import Sequence

from cqrs.bank.v1.errors_pb2 import BANK_ERROR_STATEMENT_NOT_FOUND, BankError
from cqrs.bank.v1.queries_pb2 import (
    GetStatementRequest,
    GetStatementResponse,
    GetTrialBalanceRequest,
    GetTrialBalanceResponse,
    ListTransactionsRequest,
    ListTransactionsResponse,
)
from cqrs.bank.v1.views_pb2 import EntryView, StatementView, TrialBalanceView
from cqrs.common.v1.common_pb2 import Money

from query_service.answer import Answer, Last, One, Page
from runtime.refusals import Refusals
from runtime.time_score import time_score

_refuse = Refusals(BankError)


def _transactions(request: ListTransactionsRequest) -> Page:
    low = time_score(request.from_time, 0) if request.HasField("from_time") else None
    high = time_score(request.to_time, 0) if request.HasField("to_time") else None
    return Page("bank.transactions", EntryView, f"account:{request.account_id}", low, high)


def _list_transactions(_request: ListTransactionsRequest, entries: Sequence[EntryView]) -> ListTransactionsResponse:
    return ListTransactionsResponse(transactions=entries)


def _statement(request: GetStatementRequest) -> Last:
    """The month's own, or the last one before it: what stood when it began still stands."""
    year, month = int(request.month[:4]), int(request.month[5:])
    return Last("bank.statements", StatementView, f"account:{request.account_id}", below=year * 12 + month)


def _get_statement(request: GetStatementRequest, last: StatementView | None) -> GetStatementResponse:
    if last is None:
        text = f'Account "{request.account_id}" has no statement of {request.month}: it was opened later, or never'
        raise _refuse(BANK_ERROR_STATEMENT_NOT_FOUND, text, account_id=request.account_id)
    return GetStatementResponse(statement=last if last.month == request.month else _without_entries(request, last))


def _without_entries(request: GetStatementRequest, before: StatementView) -> StatementView:
    nothing = Money(currency_code=before.closing_balance.currency_code)
    return StatementView(
        account_id=request.account_id,
        month=request.month,
        opening_balance=before.closing_balance,
        credits=nothing,
        debits=nothing,
        closing_balance=before.closing_balance,
        version=before.version,
    )


def _book(request: GetTrialBalanceRequest) -> One:
    return One("bank.ledger", TrialBalanceView, f"currency:{request.currency_code}")


def _get_trial_balance(request: GetTrialBalanceRequest, book: TrialBalanceView | None) -> GetTrialBalanceResponse:
    if book is None:
        book = TrialBalanceView(
            currency_code=request.currency_code,
            total_debits="0",
            total_credits="0",
            accounts_balance="0",
            outside_balance="0",
            balance="0",
        )
    return GetTrialBalanceResponse(trial_balance=book)


ANSWERS = (
    Answer("cqrs.bank.v1.AccountQueryService.ListTransactions", _transactions, _list_transactions),
    Answer("cqrs.bank.v1.AccountQueryService.GetStatement", _statement, _get_statement),
    Answer("cqrs.bank.v1.LedgerQueryService.GetTrialBalance", _book, _get_trial_balance),
)
