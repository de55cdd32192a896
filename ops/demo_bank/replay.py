"""Bank demo, step 4: open every account, put its opening balance in, then all transfers, each in its turn."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ops.demo.client import IN_FLIGHT, CallRefused
from ops.demo_bank.books import Book
from ops.demo_bank.client import BankCommands
from ops.demo_bank.requests import Requests
from ops.demo_bank.turns import Turns, in_turn
from ops.output import Trouble

Transferred = tuple[str, str]
"""The book's name and the file's id of a transfer."""


@dataclass
class Replay:
    """One run over the books of a folder."""

    run: str
    bank: BankCommands
    books: Sequence[Book]
    done: list[Transferred] = field(default_factory=list)
    refused: dict[Transferred, str] = field(default_factory=dict)
    """Why, as the bank gave the reason."""

    async def open(self, advance: Callable[[], None]) -> None:
        """All accounts with what they begin with; raises Trouble when the bank refuses one."""
        async with asyncio.TaskGroup() as group:
            for book in self.books:
                requests = Requests(self.run, book)
                for number in range(len(book.accounts)):
                    group.create_task(self._open(requests, number, advance))

    async def transfer(self, advance: Callable[[], None]) -> None:
        """All transfers, many at once, those that share an account one after another in file order."""
        listed = [(Requests(self.run, book), number) for book in self.books for number in range(len(book.transfers))]
        asked = [(requests, number, requests.transfer(number)) for requests, number in listed]
        turns = Turns([(each.source_account_id, each.destination_account_id) for _, _, each in asked])

        async def work(place: int) -> None:
            requests, number, request = asked[place]
            key = requests.book.name, requests.book.transfers[number].transfer_id
            try:
                await self.bank.command(self.bank.transfers.TransferMoney, request)
            except CallRefused as refused:
                self.refused[key] = refused.reason or str(refused)
            else:
                self.done.append(key)
            advance()

        await in_turn(turns, work, IN_FLIGHT)

    async def _open(self, requests: Requests, number: int, advance: Callable[[], None]) -> None:
        try:
            await self.bank.command(self.bank.accounts.OpenAccount, requests.open(number))
            deposit = requests.deposit(number)
            if deposit is not None:
                await self.bank.command(self.bank.accounts.Deposit, deposit)
        except CallRefused as refused:
            account = requests.book.accounts[number].account_id
            raise Trouble(f"The bank did not open account {account} of {requests.book.name}: {refused}") from refused
        advance()
