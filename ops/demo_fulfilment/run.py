"""Fulfilment demo, in order: read the day, register its stock, deliver its orders, ask everything back, compare."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uuid_utils
from cqrs.common.v1.common_pb2 import ConsistencyToken
from cqrs.log.v1.log_service_pb2 import GetHeadRequest

from ops.demo.invoices import Invoice
from ops.demo.requests import CURRENCY
from ops.demo.source import Found
from ops.demo_fulfilment import outside
from ops.demo_fulfilment.client import ShopCommands, connect
from ops.demo_fulfilment.compare import Comparison
from ops.demo_fulfilment.day import day_of
from ops.demo_fulfilment.deliver import Delivery
from ops.demo_fulfilment.endings import Endings
from ops.demo_fulfilment.expected import CANCELLED, CONFIRMED, expect_day
from ops.demo_fulfilment.requests import Order, registrations
from ops.demo_fulfilment.worker import Worker
from ops.output import Output

_SHOWN = 10


@dataclass(frozen=True)
class Outcome:
    """What a run came to; `str` is the demo's last line."""

    placed: int
    confirmed: int
    cancelled: int
    failed: int
    """Neither."""
    mails: int
    """Message-IDs of mails about the run's orders."""
    stock_negative: int
    """Stock items of which any number is below zero."""
    equal: bool
    """Whether everything is as the file and the cards say."""

    def __str__(self) -> str:
        return (
            f"demo-fulfilment: placed={self.placed} confirmed={self.confirmed} cancelled={self.cancelled} "
            f"failed={self.failed} mails={self.mails} stock_negative={self.stock_negative} "
            f"equal={'yes' if self.equal else 'no'}"
        )


async def run(path: Path, system: Found, output: Output, wait_seconds: float) -> Outcome:
    """One run over a file's day against a running system; ids of its own make it independent of every other run.

    The orders are waited for `wait_seconds` at most.
    """
    worker = Worker(system.data)
    invoices = day_of(path)
    run_id = f"fulfil-{str(uuid_utils.uuid7())[-12:]}"
    orders = [Order(run_id, number, invoice) for number, invoice in enumerate(invoices, 1)]
    lines = sum(len(invoice.lines) for invoice in invoices)
    output.line(f"{len(orders)} orders of {invoices[0].time:%d %B %Y} with {lines:,} lines, as {run_id}")
    async with connect(system.addresses) as (commands, queries):
        await _register(run_id, invoices, commands, output)
        endings = Endings(commands, (await _head(commands)).position, {order.order_id for order in orders})
        await Delivery(orders, commands, worker, endings, output).deliver(wait_seconds)
        output.line("Asking every order, payment and stock item, the provider's books and the mails")
        comparison, mails = Comparison(queries, run_id, await _head(commands)), outside.mails(system.data, run_id)
        await comparison.compare(expect_day(path), outside.booked(system.data, run_id), mails)
    _say(output, comparison, mails, endings.failed_commands)
    return _outcome(len(orders), comparison, mails)


async def _register(run_id: str, invoices: Sequence[Invoice], commands: ShopCommands, output: Output) -> None:
    requests = registrations(run_id, invoices)
    output.line(f"Registering {len(requests):,} stock items, with exactly as many as will be ordered")
    async with asyncio.TaskGroup() as group:
        for request in requests:
            group.create_task(commands.command(commands.stock.RegisterStockItem, request))


async def _head(commands: ShopCommands) -> ConsistencyToken:
    token: ConsistencyToken = (await commands.ask(commands.log.GetHead, GetHeadRequest())).token
    return token


def _outcome(placed: int, comparison: Comparison, mails: outside.Mails) -> Outcome:
    counts = Counter(comparison.outcomes.values())
    return Outcome(
        placed=placed,
        confirmed=counts[CONFIRMED],
        cancelled=counts[CANCELLED],
        failed=placed - counts[CONFIRMED] - counts[CANCELLED],
        mails=_distinct(mails),
        stock_negative=comparison.stock_negative,
        equal=not comparison.differences,
    )


def _distinct(mails: outside.Mails) -> int:
    return len({each for ids in mails.values() for each in ids})


def _say(output: Output, comparison: Comparison, mails: outside.Mails, failed_commands: int) -> None:
    came = sum(map(len, mails.values()))
    output.line(
        f"Captured {comparison.captured:,.2f} {CURRENCY}; {came} mails came, {came - _distinct(mails)} of them again"
    )
    if failed_commands:
        output.line(f"{failed_commands} commands never got an answer and are kept: `obverse commands list --failed`")
    differences = comparison.differences
    for difference in differences[:_SHOWN]:
        output.line(f"Differs: {difference}")
    if len(differences) > _SHOWN:
        output.line(f"… and {len(differences) - _SHOWN} more differences")
