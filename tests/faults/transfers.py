"""Seeded transfers between few accounts, by many clients who ask again until they know, and what must always hold."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.commands_pb2 import OpenAccountRequest, TransferMoneyRequest
from cqrs.bank.v1.queries_pb2 import GetBalanceRequest, GetTrialBalanceRequest, ListAccountsRequest
from cqrs.common.v1.common_pb2 import CommandReceipt

from ops.supervisor import System
from tests.asynchronous import Callers, History, calling, with_id
from tests.bank.messages import deposit, eur
from tests.running import fresh

CLIENTS, CONNECTIONS = 32, 4
AGAIN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)
LIMITS = (0, 0, 500, 0)
"""The overdraft limits of the accounts."""
EACH = 3_000
"""What is paid into each account at first."""


class Transfers:
    """The load of one proof, with a set of accounts of its own."""

    def __init__(self, system: System, name: str) -> None:
        self._system, self._name = system, name
        self.accounts = {f"{name}-{number}": limit for number, limit in enumerate(LIMITS)}
        self.acked: dict[str, int] = {}
        """Transfer → amount."""
        self.refused: set[str] = set()
        """Refused at the first attempt."""
        self.unsure: set[str] = set()
        """Refused after an attempt of which nothing is known, which may have come through."""
        self.wrong: list[str] = []
        self.repeated: Counter[str] = Counter()
        """How often what was asked again: under the same command id, under another one, after the answer."""
        self.sampled = 0
        self._stopping = False
        self._opened = 0
        self._last: CommandReceipt | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Transfers"]:
        """Open the accounts; traffic while the block runs, and every answer of the query side is looked at."""
        async with calling(self._system) as callers:
            for account_id, limit in self.accounts.items():
                opening = OpenAccountRequest(account_id=account_id, owner=self._name, currency_code="EUR")
                opening.overdraft_limit = limit
                await callers.accounts.OpenAccount(opening)
                receipt = (await callers.accounts.Deposit(deposit(account_id, EACH))).receipt
                self._opened = receipt.token.position
        clients = [asyncio.create_task(self._connection(number)) for number in range(CONNECTIONS)]
        clients.append(asyncio.create_task(self._sample()))
        try:
            yield self
        finally:
            self._stopping = True
            await asyncio.gather(*clients)

    async def answered(self, more: int, seconds: float = 30) -> None:
        """Return when so many more are acknowledged; TimeoutError when they are not in time."""
        goal = len(self.acked) + more
        async with asyncio.timeout(seconds):
            while len(self.acked) < goal:  # noqa: ASYNC110  # the clients need no event for it
                await asyncio.sleep(0.01)

    async def _connection(self, number: int) -> None:
        async with calling(self._system) as callers:
            share = CLIENTS // CONNECTIONS
            await asyncio.gather(*(self._client(callers, number * share + each) for each in range(share)))

    async def _client(self, callers: Callers, number: int) -> None:
        chance = random.Random(f"{self._name}-{number}")
        for turn in range(1_000_000):
            if self._stopping:
                return
            source, destination = chance.sample(list(self.accounts), 2)
            request = TransferMoneyRequest(transfer_id=f"{self._name}-{number}-{turn}", reference="load")
            request.source_account_id, request.destination_account_id = source, destination
            request.amount.CopyFrom(eur(chance.choice((1, 70, 900, 2_900))))
            if await self._until_known(callers, chance, request) and chance.random() < 0.2:
                await self._ask_again(callers, request, chance.random() < 0.5)

    async def _until_known(self, callers: Callers, chance: random.Random, request: TransferMoneyRequest) -> bool:
        """Whether it was done."""
        attempt, unknown, transfer_id = 0, False, request.transfer_id
        while True:
            try:
                answer = await callers.transfers.TransferMoney(
                    with_id(request, f"{transfer_id}:{attempt}"), timeout=2, wait_for_ready=True
                )
            except grpc.aio.AioRpcError as error:
                if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                    (self.unsure if unknown else self.refused).add(transfer_id)
                    return False
                if error.code() not in AGAIN:
                    self.wrong.append(f"{transfer_id}: {error.code()} {error.details()}")
                    return False
                unknown, other = True, chance.random() < 0.5
                attempt += other
                self.repeated["other id" if other else "same id"] += 1
                await asyncio.sleep(0.05)
            else:
                self._note(transfer_id, request.amount.minor_units, answer.receipt)
                return True

    async def _ask_again(self, callers: Callers, request: TransferMoneyRequest, changed: bool) -> None:
        """What is done is not done again, whoever asks; with another amount it is refused."""
        again = TransferMoneyRequest.FromString(request.SerializeToString())
        again.amount.minor_units += changed
        self.repeated["after the answer"] += 1
        try:
            answer = await callers.transfers.TransferMoney(
                with_id(again, f"{request.transfer_id}:again"), timeout=2, wait_for_ready=True
            )
        except grpc.aio.AioRpcError as error:
            if error.code() not in (*AGAIN, *((grpc.StatusCode.ALREADY_EXISTS,) if changed else ())):
                self.wrong.append(f"{request.transfer_id} again: {error.code()} {error.details()}")
        else:
            if changed or not answer.receipt.replayed or answer.transfer_id != request.transfer_id:
                self.wrong.append(f"{request.transfer_id} again was answered with {answer}")

    def _note(self, transfer_id: str, amount: int, receipt: CommandReceipt) -> None:
        self.acked[transfer_id] = amount
        if self._last is None or receipt.token.position > self._last.token.position:
            self._last = receipt

    async def _sample(self) -> None:
        async with calling(self._system) as callers:
            while not self._stopping:
                try:
                    await self._look(callers)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in AGAIN:
                        self.wrong.append(f"sampling: {error.code()} {error.details()}")
                await asyncio.sleep(0.005)

    async def _look(self, callers: Callers) -> None:
        asked = GetTrialBalanceRequest(currency_code="EUR")
        trial = (await callers.ask_ledger.GetTrialBalance(asked, timeout=2)).trial_balance
        if int(trial.balance) or trial.total_debits != trial.total_credits:
            self.wrong.append(f"the books do not balance: {trial}")
        listed = await callers.ask_accounts.ListAccounts(ListAccountsRequest(owner=self._name, page_size=9), timeout=2)
        balances = {each.account_id: each.ledger_balance.minor_units for each in listed.accounts}
        if any(balance < -self.accounts[account_id] for account_id, balance in balances.items()):
            self.wrong.append(f"a balance is under its limit: {balances}")
        if listed.metadata.as_of.position >= self._opened and sum(balances.values()) != EACH * len(LIMITS):
            self.wrong.append(f"at {listed.metadata.as_of.position} the sum is {sum(balances.values())}: {balances}")
        self.sampled += 1

    async def faults(self) -> list[str]:
        """What is wrong at the end: each transfer is in the log once or not at all, each balance is that of the log."""
        history = await History(self._system.command_address).read()
        moved = [each for each in history.of(events.MoneyTransferred) if each.transfer_id.startswith(f"{self._name}-")]
        times = Counter(each.transfer_id for each in moved)
        found = [f"lost: {each}" for each in self.acked if each not in times]
        found += [f"twice: {each}" for each, count in times.items() if count > 1]
        found += [f"{each} was refused and is done" for each in self.refused if each in times]
        known = self.acked.keys() | self.unsure
        found += [f"{each} is done, and nobody was told" for each in times if each not in known]
        balances = Counter(dict.fromkeys(self.accounts, EACH))
        for each in moved:
            balances[each.source.account_id] -= each.amount.minor_units
            balances[each.destination.account_id] += each.amount.minor_units
            left = each.source_balance.minor_units, each.destination_balance.minor_units
            if left != (balances[each.source.account_id], balances[each.destination.account_id]):
                found.append(f"{each.transfer_id} was decided on other balances than the log's: {left}")
        answered = await self._balances()
        if answered != dict(balances):
            found.append(f"balances are {answered}, the log has {dict(balances)}")
        if sum(answered.values()) != EACH * len(LIMITS):
            found.append(f"the sum of the balances is {sum(answered.values())}")
        return [*found, *history.repeated(), *self.wrong]

    async def _balances(self) -> dict[str, int]:
        assert self._last
        async with calling(self._system) as callers:
            asked = [GetBalanceRequest(account_id=each, consistency=fresh(self._last)) for each in self.accounts]
            answers = [await callers.ask_accounts.GetBalance(each, timeout=15) for each in asked]
        return {each.account_id: each.ledger_balance.minor_units for each in answers}
