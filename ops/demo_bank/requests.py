"""Bank demo, step 3: what a client sends for a row. Every id begins with the run's own, so that runs never meet."""

from dataclasses import dataclass

from cqrs.bank.v1.commands_pb2 import DepositRequest, OpenAccountRequest, TransferMoneyRequest
from cqrs.common.v1.common_pb2 import CommandContext, Money

from ops.demo_bank.books import CURRENCY, Account, Book, Transfer

_WITH_ADDRESS = 10
_LONGEST_OWNER = 200


@dataclass(frozen=True, slots=True)
class Requests:
    """The commands of one book in one run; asked twice, the same command under the same id."""

    run: str
    book: Book

    def account_id(self, of: str) -> str:
        """What the file's account is called at the bank."""
        return f"{self.run}-{self.book.name}-{of}"

    def transfer_id(self, of: str) -> str:
        """What the file's transfer is called at the bank."""
        return f"{self.run}-{self.book.name}-{of}"

    def open(self, number: int) -> OpenAccountRequest:
        """Opens the account of that number; every tenth owner has an e-mail address and is told of transfers."""
        account = self._account(number)
        return OpenAccountRequest(
            context=self._context("open", number),
            account_id=self.account_id(account.account_id),
            owner=account.owner[:_LONGEST_OWNER],
            email="" if number % _WITH_ADDRESS else f"owner-{number}@{self.book.name}.example",
            currency_code=CURRENCY,
            overdraft_limit=account.overdraft,
        )

    def deposit(self, number: int) -> DepositRequest | None:
        """What the account of that number begins with; None where that is nothing."""
        account = self._account(number)
        if not account.deposit:
            return None
        return DepositRequest(
            context=self._context("deposit", number),
            account_id=self.account_id(account.account_id),
            amount=Money(minor_units=account.deposit, currency_code=CURRENCY),
            reference="Opening balance",
        )

    def transfer(self, number: int) -> TransferMoneyRequest:
        """The transfer of that number, also one that cannot be."""
        row: Transfer = self.book.transfers[number]
        return TransferMoneyRequest(
            context=self._context("transfer", number),
            transfer_id=self.transfer_id(row.transfer_id),
            source_account_id=self.account_id(row.payer),
            destination_account_id=self.account_id(row.payee),
            amount=Money(minor_units=row.cents, currency_code=row.currency),
        )

    def _account(self, number: int) -> Account:
        return self.book.accounts[number]

    def _context(self, step: str, number: int) -> CommandContext:
        command_id = f"{self.run}-{self.book.name}-{step}-{number}"
        return CommandContext(command_id=command_id, correlation_id=command_id)
