"""Questions about accounts and what they have."""

from collections.abc import Sequence

from cqrs.bank.v1.errors_pb2 import BANK_ERROR_ACCOUNT_NOT_FOUND, BankError
from cqrs.bank.v1.queries_pb2 import (
    GetAccountRequest,
    GetAccountResponse,
    GetBalanceRequest,
    GetBalanceResponse,
    ListAccountsRequest,
    ListAccountsResponse,
)
from cqrs.bank.v1.views_pb2 import AccountView

from query_service.answer import Answer, One, Page
from runtime.refusals import Refusals

PROJECTION = "bank.accounts"

_refuse = Refusals(BankError)


def _account(request: GetAccountRequest | GetBalanceRequest) -> One:
    return One(PROJECTION, AccountView, f"account:{request.account_id}")


def _found(request: GetAccountRequest | GetBalanceRequest, account: AccountView | None) -> AccountView:
    if account is None:
        text = f'Account "{request.account_id}" does not exist'
        raise _refuse(BANK_ERROR_ACCOUNT_NOT_FOUND, text, account_id=request.account_id)
    return account


def _get_account(request: GetAccountRequest, account: AccountView | None) -> GetAccountResponse:
    return GetAccountResponse(account=_found(request, account))


def _get_balance(request: GetBalanceRequest, view: AccountView | None) -> GetBalanceResponse:
    account = _found(request, view)
    return GetBalanceResponse(
        account_id=account.account_id,
        ledger_balance=account.ledger_balance,
        available_balance=account.available_balance,
        overdraft_limit=account.overdraft_limit,
        status=account.status,
        version=account.version,
    )


def _accounts(request: ListAccountsRequest) -> Page:
    return Page(PROJECTION, AccountView, f"owner:{request.owner}" if request.owner else "accounts")


def _list_accounts(_request: ListAccountsRequest, accounts: Sequence[AccountView]) -> ListAccountsResponse:
    return ListAccountsResponse(accounts=accounts)


ANSWERS = (
    Answer("cqrs.bank.v1.AccountQueryService.GetAccount", _account, _get_account),
    Answer("cqrs.bank.v1.AccountQueryService.GetBalance", _account, _get_balance),
    Answer("cqrs.bank.v1.AccountQueryService.ListAccounts", _accounts, _list_accounts),
)
