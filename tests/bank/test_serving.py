"""The bank over a real channel: many clients on few accounts, one transfer from many, a server that knows nothing."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import grpc
import pytest
from cqrs.bank.v1 import events_pb2 as events
from cqrs.bank.v1.commands_pb2 import ReverseTransferRequest, TransferMoneyRequest
from cqrs.bank.v1.commands_pb2_grpc import AccountCommandServiceStub, TransferCommandServiceStub
from cqrs.bank.v1.types_pb2 import TRANSFER_STATUS_COMPLETED
from cqrs.common.v1.common_pb2 import CommandContext
from cqrs.log.v1.record_pb2 import Record

from command_service.memory_event_log import MemoryEventLog
from runtime.record import Logged
from runtime.upcast import decode
from tests.bank.messages import deposit, open_account, transfer
from tests.bank.system import all_events
from tests.command.serving import command_server, refusal

NAMES = ("ada", "bob", "cyn", "dan")
CLIENTS, CALLS = 32, 20


@pytest.fixture
def log() -> MemoryEventLog:
    return MemoryEventLog()


@pytest.fixture
async def channel(log: MemoryEventLog) -> AsyncIterator[grpc.aio.Channel]:
    async with command_server(log) as clients:
        accounts = AccountCommandServiceStub(clients.channel)
        for name in NAMES:
            await accounts.OpenAccount(open_account(name, limit=500))
            await accounts.Deposit(deposit(name, 10_000))
        yield clients.channel


def under(command_id: str, request: TransferMoneyRequest) -> TransferMoneyRequest:
    request.context.CopyFrom(CommandContext(command_id=command_id))
    return request


def enter(books: Counter[str], records: Sequence[Logged]) -> None:
    """Add to what every account has the entries of these records."""
    for logged in records:
        match decode(Record.FromString(logged.record)):
            case events.MoneyDeposited() | events.AccountCredited() as event:
                books[event.account_id] += event.amount.minor_units
            case events.MoneyWithdrawn() | events.AccountDebited() as event:
                books[event.account_id] -= event.amount.minor_units


# promise 000-45, 000-51
async def test_thirty_two_clients_on_four_accounts_keep_the_sum_and_every_limit(
    log: MemoryEventLog, channel: grpc.aio.Channel
) -> None:
    stub = TransferCommandServiceStub(channel)
    refused: Counter[str] = Counter()
    chance = random.Random(7)

    async def client(number: int) -> None:
        for call in range(CALLS):
            source, destination = chance.sample(NAMES, 2)
            amount = chance.choice((1, 700, 9_000))
            try:
                await stub.TransferMoney(transfer(source, destination, amount, f"t-{number}-{call}"))
            except grpc.aio.AioRpcError as error:
                refused[str(error.code().name)] += 1

    async def sample() -> None:
        books, position = Counter[str](), 0
        while True:
            page = await log.read_log(position, 1_000_000)
            position = page.scanned_to
            enter(books, page.records)
            assert books.total() == 40_000
            assert min(books.values()) >= -500
            await asyncio.sleep(0)

    sampling = asyncio.create_task(sample())
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    assert not sampling.done()
    sampling.cancel()
    moved = sum(isinstance(event, events.MoneyTransferred) for event in await all_events(log))
    assert refused.keys() <= {"FAILED_PRECONDITION"}
    assert moved + refused.total() == CLIENTS * CALLS
    assert refused
    assert moved > CLIENTS


# promise 000-46
async def test_the_same_transfer_from_many_at_once_moves_money_once(
    log: MemoryEventLog, channel: grpc.aio.Channel
) -> None:
    stub = TransferCommandServiceStub(channel)
    answers = await asyncio.gather(*(stub.TransferMoney(under(f"c-{number}", transfer())) for number in range(CLIENTS)))
    assert sorted(answer.receipt.replayed for answer in answers) == [False] + [True] * (CLIENTS - 1)
    assert {(answer.transfer_id, answer.status) for answer in answers} == {("t-1", TRANSFER_STATUS_COMPLETED)}
    assert {answer.receipt.aggregate_id for answer in answers} == {"t-1"}
    assert sum(isinstance(event, events.MoneyTransferred) for event in await all_events(log)) == 1
    code, reason, _ = await refusal(stub.TransferMoney(under("c-other", transfer(amount=7))))
    assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "EXISTS_WITH_DIFFERENT_AMOUNT")


async def test_a_server_that_never_saw_a_transfer_reverses_it(log: MemoryEventLog, channel: grpc.aio.Channel) -> None:
    await TransferCommandServiceStub(channel).TransferMoney(transfer())
    async with command_server(log) as another:
        stub = TransferCommandServiceStub(another.channel)
        unknown = stub.ReverseTransfer(ReverseTransferRequest(transfer_id="t-2", reason="by mistake"))
        assert (await refusal(unknown))[:2] == (grpc.StatusCode.NOT_FOUND, "TRANSFER_NOT_FOUND")
        answer = await stub.ReverseTransfer(ReverseTransferRequest(transfer_id="t-1", reason="by mistake"))
        assert (answer.receipt.aggregate_id, answer.receipt.version) == ("t-1", 2)
    books = Counter[str]()
    enter(books, (await log.read_log(0, 1_000_000)).records)
    assert books == Counter(dict.fromkeys(NAMES, 10_000))


# promise 000-44
async def test_a_wrong_shape_is_refused_by_its_own_name_before_anything_is_read(channel: grpc.aio.Channel) -> None:
    stub = TransferCommandServiceStub(channel)
    for request, reason, text in (
        (transfer("no", "no"), "ACCOUNTS_MUST_BE_DIFFERENT", "Source and destination must be different accounts"),
        (transfer("no", amount=0), "AMOUNT_MUST_NOT_BE_ZERO", "Amount must be greater than zero"),
    ):
        assert await refusal(stub.TransferMoney(request)) == (grpc.StatusCode.INVALID_ARGUMENT, reason, text)
