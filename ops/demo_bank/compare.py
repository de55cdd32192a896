"""Bank demo, step 6: ask every balance and hold it and the refusals against what the files say."""

import asyncio
from collections.abc import Iterable, Mapping
from fractions import Fraction

from cqrs.bank.v1.queries_pb2 import GetBalanceRequest, GetBalanceResponse
from cqrs.common.v1.common_pb2 import ConsistencyToken, ReadConsistency
from google.protobuf.duration_pb2 import Duration

from ops.demo.client import CallRefused
from ops.demo_bank.client import BankQueries
from ops.demo_bank.fold import Expected
from ops.demo_bank.requests import Requests


class Comparison:
    """What the bank shows after a token, and where it is not what the files say."""

    def __init__(self, queries: BankQueries, after: ConsistencyToken) -> None:
        self._queries = queries
        self._fresh = ReadConsistency(at_least_token=after, max_wait=Duration(seconds=30))
        self.differences: list[str] = []
        self.cents = 0
        """All balances as they were asked, added up."""

    async def compare(self, requests: Requests, expected: Expected, refused: Mapping[str, str]) -> None:
        """Every account of a book, and every transfer that the bank or the files refuse."""
        async with asyncio.TaskGroup() as group:
            for account, balance in expected.balances.items():
                group.create_task(self._account(requests, account, balance, expected.overdrafts[account]))
        name = requests.book.name
        for transfer in sorted(expected.refused.keys() | refused.keys()):
            shown, right = refused.get(transfer, "done"), expected.refused.get(transfer, "done")
            self._hold(f"{name} transfer {transfer}", (("outcome", shown, right),))

    async def _account(self, requests: Requests, account: str, balance: Fraction, overdraft: Fraction) -> None:
        what = f"{requests.book.name} account {account}"
        request = GetBalanceRequest(consistency=self._fresh, account_id=requests.account_id(account))
        try:
            answer: GetBalanceResponse = await self._queries.ask(self._queries.accounts.GetBalance, request)
        except CallRefused as error:
            self.differences.append(f"{what}: {error}")
            return
        self.cents += answer.ledger_balance.minor_units
        self._hold(
            what,
            (
                ("balance", Fraction(answer.ledger_balance.minor_units, 100), balance),
                ("available", Fraction(answer.available_balance.minor_units, 100), balance + overdraft),
            ),
        )

    def _hold(self, what: str, points: Iterable[tuple[str, object, object]]) -> None:
        for point, shown, right in points:
            if shown != right:
                self.differences.append(f"{what}: {point} {_in_words(shown)}, the files say {_in_words(right)}")


def _in_words(value: object) -> str:
    return f"{float(value):.2f}" if isinstance(value, Fraction) else str(value)
