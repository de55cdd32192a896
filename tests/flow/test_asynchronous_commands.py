"""Asynchronous commands through the whole system, as callers and operators meet them, with parts of it away."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import psutil
import pytest
from cqrs.admin.v1.commands_pb2 import GetQueueRequest, PauseChannelRequest, ResumeChannelRequest
from cqrs.admin.v1.queries_pb2 import GetCommandRequest, WatchCommandRequest
from cqrs.admin.v1.views_pb2 import CommandView
from cqrs.bank.v1 import events_pb2 as bank
from cqrs.bank.v1.queries_pb2 import GetBalanceRequest, GetTransferRequest
from cqrs.common.v1 import common_pb2 as common
from cqrs.shop.v1.commands_pb2 import CreateOrderRequest, PlaceOrderRequest
from cqrs.shop.v1.events_pb2 import OrderCreated
from cqrs.shop.v1.queries_pb2 import GetOrderRequest
from cqrs.shop.v1.stock_commands_pb2 import RegisterStockItemRequest
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_PROCESSING, OrderItem, PaymentMethod
from typer.testing import CliRunner

from ops.cli import app
from ops.supervisor import System
from tests.asynchronous import ENVIRON, Callers, History, calling, drained, heal, kill, mails, with_id
from tests.asynchronous_mail import slow_mail
from tests.bank.messages import deposit, open_account, transfer
from tests.running import eur, fresh, one_more, until

ITEMS = [OrderItem(product_id="p", product_name="Größe Ω", quantity=2, price=eur(250))]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system for this module."""
    with System(tmp_path_factory.mktemp("asynchronous"), environ=ENVIRON) as system:
        yield system


@pytest.fixture
def whole(running: System) -> Iterator[System]:
    """The same; what a test has taken down is up again after it."""
    yield running
    heal(running)


@pytest.fixture
async def callers(whole: System) -> AsyncIterator[Callers]:
    async with calling(whole) as stubs:
        yield stubs


def creating(order_id: str) -> Any:
    """A command that is asynchronous here."""
    return with_id(CreateOrderRequest(order_id=order_id, customer_id="ada", items=ITEMS), f"create-{order_id}")


def placing(order_id: str) -> Any:
    """An order with everything that a fulfilment takes."""
    request = PlaceOrderRequest(order_id=order_id, user_id="ada", customer_email="ada@example.org", items=ITEMS)
    request.payment.CopyFrom(PaymentMethod(token="tok_ok", last_four="4242"))
    return with_id(request, f"place-{order_id}")


async def final(callers: Callers, receipt: common.CommandReceipt) -> CommandView:
    """What a command has come to, watched to its end; the first message has seen it accepted."""
    asked = WatchCommandRequest(command_id=receipt.command_id, consistency=fresh(receipt, 20))
    messages = [message async for message in callers.commands.WatchCommand(asked, timeout=40)]
    return messages[-1].command


async def two_accounts(callers: Callers, name: str) -> None:
    """`name`-a with money and `name`-b, each with a mail address."""
    for account in (f"{name}-a", f"{name}-b"):
        await callers.accounts.OpenAccount(open_account(account, email=f"{account}@example.org"))
    await callers.accounts.Deposit(deposit(f"{name}-a", 100_000))


def about(history: History, kind: type[Any], ids: set[str]) -> Counter[str]:
    """How many events of a kind there are about each of the transfers."""
    return Counter(each.transfer_id for each in history.of(kind) if each.transfer_id in ids)


# promise 000-14, 000-15, 000-16, 000-18, 000-19, 000-24
async def test_what_is_accepted_without_broker_and_worker_outlives_every_part_and_is_executed_once(
    whole: System, callers: Callers
) -> None:
    for name in ("worker", "nats"):
        whole.stop_one(name)
    names = [f"kept-{number}" for number in range(5)]
    receipts = [(await callers.orders.CreateOrder(creating(name), timeout=5)).receipt for name in names]
    assert {(each.state, each.channel) for each in receipts} == {(common.COMMAND_STATE_ACCEPTED, "orders")}
    assert not (await History(whole.command_address).read()).of(OrderCreated)
    for name in ("postgres", "command_service", "relay", "valkey"):
        await kill(whole, name)
    whole.wait_healthy("command_service")
    queue = (await callers.admin.GetQueue(GetQueueRequest(channel="orders"), timeout=10, wait_for_ready=True)).queue
    assert (queue.ready, queue.total) == (5, 5)
    again = (await callers.orders.CreateOrder(creating("kept-0"), timeout=5)).receipt
    assert (again.replayed, again.state, again.token) == (True, common.COMMAND_STATE_ACCEPTED, receipts[0].token)
    whole.start_one("nats")
    await kill(whole, "nats")
    whole.start_one("worker")
    for name, receipt in zip(names, receipts, strict=True):
        done = await final(callers, receipt)
        assert (done.state, done.receipt.aggregate_id) == (common.COMMAND_STATE_SUCCEEDED, name)
        asked = GetOrderRequest(order_id=name, consistency=fresh(done.receipt))
        assert list((await callers.ask_orders.GetOrder(asked, timeout=15)).order.items) == ITEMS
    history = await History(whole.command_address).read()
    assert Counter(each.order_id for each in history.of(OrderCreated)) == dict.fromkeys(names, 1)
    assert {tuple(history.outcomes[each.command_id]) for each in receipts} == {("CommandSucceeded",)}
    assert not list(history.repeated())


async def test_a_receipts_token_shows_the_command_and_the_outcomes_token_its_effect(callers: Callers) -> None:
    receipt = (await callers.orders.CreateOrder(creating("read"), timeout=5)).receipt
    asked = GetCommandRequest(command_id=receipt.command_id, consistency=fresh(receipt))
    seen = (await callers.commands.GetCommand(asked, timeout=15)).command
    assert (seen.command_id, seen.channel, seen.type) == ("create-read", "orders", "cqrs.shop.v1.CreateOrderRequest")
    done = await final(callers, receipt)
    assert done.receipt.token.position > receipt.token.position
    order = GetOrderRequest(order_id="read", consistency=fresh(done.receipt))
    assert (await callers.ask_orders.GetOrder(order, timeout=15)).order.version == done.receipt.version


# promise 000-32, 000-33
async def test_an_operator_sees_queues_commands_a_trace_and_the_mail_of_an_order(
    whole: System, callers: Callers
) -> None:
    async def obverse(*arguments: str) -> str:
        environ = {"OBVERSE_DATA": str(whole.data), "COLUMNS": "300"}
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environ)
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    await callers.stock.RegisterStockItem(RegisterStockItemRequest(sku="p", on_hand=100))
    await callers.admin.PauseChannel(PauseChannelRequest(channel="orders", reason="inventory"))
    receipt = (await callers.orders.PlaceOrder(placing("seen"), timeout=5)).receipt
    queues = await obverse("queues", "orders", "--peek")
    assert "paused: inventory" in queues
    assert "PlaceOrderRequest" in queues
    assert "place-seen" in queues
    await callers.admin.ResumeChannel(ResumeChannelRequest(channel="orders"))
    done = await final(callers, receipt)
    assert "SUCCEEDED" in await obverse("commands", "watch", "place-seen")
    assert json.loads(await obverse("commands", "get", "place-seen", "--json"))["receipt"]["aggregateId"] == "seen"

    order = GetOrderRequest(order_id="seen", consistency=fresh(done.receipt))

    async def told() -> bool:
        status = (await callers.ask_orders.GetOrder(order, timeout=5)).order.status
        return status == ORDER_STATUS_PROCESSING and "<order/seen/confirmed@obverse>" in mails(whole)

    await until(told)
    await drained(whole)
    tree = await obverse("trace", receipt.correlation_id)
    steps = ("PlaceOrder", "ReserveStock", "AuthorizePayment", "ConfirmOrder", "CapturePayment", "CommitReservation")
    places = [tree.index(f"{step}Request on") for step in (*steps, "SendOrderNotifications")]
    assert places == sorted(places)
    assert tree.splitlines()[0].startswith("command place-seen PlaceOrderRequest on orders: SUCCEEDED")
    assert "<order/seen/confirmed@obverse>" in await obverse("mail", "--limit", "0")
    assert "Your order seen over 5.00 EUR is confirmed." in await obverse(
        "mail", "show", "<order/seen/confirmed@obverse>"
    )
    total = [json.loads(line)["total"] for line in (await obverse("queues", "--json")).splitlines()]
    assert sum(int(each) for each in total) == 0


# promise 000-46, 000-50, 000-53
async def test_transfers_go_on_without_workers_and_without_mail_and_each_party_is_told_once_both_are_back(
    whole: System, callers: Callers
) -> None:
    await two_accounts(callers, "away")
    for name in ("worker", "mail"):
        whole.stop_one(name)
    ids = {f"away-{number}" for number in range(6)}
    for each in sorted(ids):
        answer = await callers.transfers.TransferMoney(transfer("away-a", "away-b", 100, each), timeout=5)
        assert answer.receipt.state == common.COMMAND_STATE_SUCCEEDED
    balance = GetBalanceRequest(account_id="away-b", consistency=fresh(answer.receipt))
    assert (await callers.ask_accounts.GetBalance(balance, timeout=15)).ledger_balance.minor_units == 600
    for channel in ("bank.record", "bank.notify", "bank.fraud"):
        assert (await callers.admin.GetQueue(GetQueueRequest(channel=channel))).queue.ready == 6
    whole.start_one("worker")
    await drained(whole, 30, "bank.record", "bank.fraud")

    async def tried() -> bool:
        queue = (await callers.admin.GetQueue(GetQueueRequest(channel="bank.notify"))).queue
        return queue.total == 6 and queue.retried_total >= 12

    await until(tried)
    whole.start_one("mail")
    await drained(whole)
    history = await History(whole.command_address).read()
    once = dict.fromkeys(ids, 1)
    for kind in (bank.MoneyTransferred, bank.TransactionRecorded, bank.TransferPartiesNotified, bank.TransferAnalyzed):
        assert about(history, kind, ids) == once, kind
    told = {each: times for each, times in mails(whole).items() if "away-" in each}
    assert len(told) == 12
    assert set(told.values()) == {1}
    seen = GetTransferRequest(transfer_id="away-0", consistency=fresh(answer.receipt))

    async def noted() -> bool:
        shown = (await callers.ask_transfers.GetTransfer(seen, timeout=5)).transfer
        return sorted(shown.notification.account_ids) == ["away-a", "away-b"]

    await until(noted)
    assert not list(history.repeated())


# promise 000-27, 000-30
async def test_a_worker_that_slept_over_its_lease_repeats_nothing_that_another_has_done(
    whole: System, callers: Callers
) -> None:
    await two_accounts(callers, "slept")
    whole.stop_one("worker")
    ids = {f"slept-{number}" for number in range(3)}
    for each in ids:
        await callers.transfers.TransferMoney(transfer("slept-a", "slept-b", 100, each), timeout=5)
    async with slow_mail() as mail:
        mail.open.clear()
        with ExitStack() as workers:
            first = workers.enter_context(await asyncio.to_thread(_more, whole, mail.url))

            async def offered() -> bool:
                return mail.begun == len(ids)

            await until(offered)
            sleeper = psutil.Process(first.pid)
            sleeper.send_signal(signal.SIGSTOP)
            try:
                whole.start_one("worker")
                await drained(whole)
            finally:
                mail.open.set()
                sleeper.send_signal(signal.SIGCONT)

            async def came_to_its_end() -> bool:
                lanes = (await asyncio.to_thread(first.status) or {"channels": [{"in_flight": 1}]})["channels"]
                return not any(lane["in_flight"] for lane in lanes)

            await until(came_to_its_end)
    history = await History(whole.command_address).read()
    for kind in (bank.TransactionRecorded, bank.TransferPartiesNotified, bank.TransferAnalyzed):
        assert about(history, kind, ids) == dict.fromkeys(ids, 1), kind
    told = {each: times for each, times in mails(whole).items() if "slept-" in each}
    assert len(told) == 6
    assert set(told.values()) == {1}
    assert set(mail.taken) <= set(told)
    assert not list(history.repeated())


def _more(system: System, smtp_url: str) -> Any:
    return one_more(system, "worker", {"OBVERSE_SMTP_URL": smtp_url})
