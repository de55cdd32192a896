"""Bank demo, in order: read the files, open the accounts, move the money, ask everything back, compare, say so."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import uuid_utils

from ops.demo.progress import progress
from ops.demo_bank.books import read_book
from ops.demo_bank.client import BankQueries, connect
from ops.demo_bank.compare import Comparison
from ops.demo_bank.fold import fold
from ops.demo_bank.follow_up import FollowedUp, count, drained
from ops.demo_bank.layouts import Files
from ops.demo_bank.replay import Replay
from ops.demo_bank.requests import Requests
from ops.output import Output

_SHOWN = 10
_UNMOVED_SECONDS = 20.0


@dataclass(frozen=True)
class Outcome:
    """What a run came to; `str` is the demo's last line."""

    transfers: int
    """Rows of the files, refused ones included."""
    refused: int
    cents: int
    """All balances less all deposits."""
    matches: bool
    """Whether every balance and every refusal is what the files say."""
    transfers_per_s: float
    followed_up: FollowedUp

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.matches and not self.cents

    @property
    def sum(self) -> str:
        """All balances less all deposits, in dollars; "0" when nothing came or went."""
        return f"{Decimal(self.cents) / 100:.2f}" if self.cents else "0"

    def __str__(self) -> str:
        return (
            f"demo-bank: transfers={self.transfers} refused={self.refused} sum={self.sum} "
            f"equal={'yes' if self.matches else 'no'} transfers_per_s={self.transfers_per_s:.0f}"
        )


async def run(
    files: Sequence[Files], command_address: str, query_address: str, output: Output, wait_seconds: float
) -> Outcome:
    """One run over the files against a running system; ids of its own make it independent of every other run.

    What follows the transfers is waited for `wait_seconds` at most.
    """
    books = [read_book(each) for each in files]
    run_id = f"demo-bank-{str(uuid_utils.uuid7())[-12:]}"
    async with connect(command_address, query_address) as (commands, queries):
        replay = Replay(run_id, commands, books)
        rate = await _put_through(replay, output)
        matches, cents = await _compare(replay, files, queries, output)
        followed = await drained(commands, output, wait_seconds, _UNMOVED_SECONDS)
        ids = {book.name: Requests(run_id, book) for book in books}
        await count(commands, queries, (ids[name].transfer_id(transfer) for name, transfer in replay.done), followed)
        output.line(str(followed))
    return Outcome(len(replay.done) + len(replay.refused), len(replay.refused), cents, matches, rate, followed)


async def _put_through(replay: Replay, output: Output) -> float:
    """Transfers a second, refused ones included."""
    accounts = sum(len(book.accounts) for book in replay.books)
    transfers = sum(len(book.transfers) for book in replay.books)
    with progress(output, f"Opening {accounts:,} accounts", accounts) as advance:
        await replay.open(advance)
    with progress(output, f"Transferring {transfers:,} times", transfers) as advance:
        begin = time.perf_counter()
        await replay.transfer(advance)
        rate = transfers / (time.perf_counter() - begin)
    for reason, often in Counter(replay.refused.values()).most_common():
        output.line(f"Refused {often:,} times: {reason}")
    return rate


async def _compare(replay: Replay, files: Sequence[Files], queries: BankQueries, output: Output) -> tuple[bool, int]:
    """Whether all is as the files say, and what the balances are more than the deposits."""
    output.line("Asking every balance")
    comparison, deposited, transfers = Comparison(queries, replay.bank.last), Fraction(0), 0
    for book, each in zip(replay.books, files, strict=True):
        expected = fold(each)
        refused = {transfer: reason for (name, transfer), reason in replay.refused.items() if name == book.name}
        await comparison.compare(Requests(replay.run, book), expected, refused)
        deposited += expected.deposited * 100
        transfers += expected.transfers
    put_through = len(replay.done) + len(replay.refused)
    if put_through != transfers:
        comparison.differences.append(f"{put_through} transfers were put through, the files have {transfers}")
    _show(output, comparison.differences)
    return not comparison.differences, comparison.cents - int(deposited)


def _show(output: Output, differences: Sequence[str]) -> None:
    for difference in differences[:_SHOWN]:
        output.line(f"Differs: {difference}")
    if len(differences) > _SHOWN:
        output.line(f"… and {len(differences) - _SHOWN} more differences")
