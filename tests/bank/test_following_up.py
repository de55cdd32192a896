"""What follows a transfer, carried out by workers: each on its own, retried without touching the transfer."""

from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.bank.v1 import events_pb2 as events
from google.protobuf.message import Message

from command_service.adapters.memory_mail import MemoryMailer
from command_service.decider import Retry
from command_service.mail import Mail
from tests.bank.messages import transfer
from tests.bank.system import Bank, all_events
from tests.worker.world import drained, until, working


class Moody(MemoryMailer):
    """A mailer that is away for its first few calls."""

    def __init__(self, away: int) -> None:
        super().__init__()
        self.away = away

    async def send(self, mail: Mail) -> None:
        self.away -= 1
        if self.away >= 0:
            raise Retry("away")
        await super().send(mail)


def of(kind: type[Message], happened: list[Message]) -> int:
    return sum(isinstance(event, kind) for event in happened)


# promise 000-47, 000-48, 000-49
async def test_a_transfer_is_recorded_notified_and_analysed_once_each() -> None:
    mailer = MemoryMailer()
    bank = await Bank(mailer).with_two()
    await bank.send(transfer())
    assert [type(event) for event in await bank.events("bank.transfer-t-1")] == [events.MoneyTransferred]
    await drained(bank, bank.worker(), bank.worker())
    streams = {name: await bank.events(f"bank.{name}-t-1") for name in ("transfer", "record", "notice")}
    assert {name: [type(event) for event in happened] for name, happened in streams.items()} == {
        "transfer": [events.MoneyTransferred, events.TransferAnalyzed],
        "record": [events.TransactionRecorded],
        "notice": [events.TransferPartiesNotified],
    }
    assert sorted(mail.to for mail in mailer.kept) == ["ada@example.org", "bob@example.org"]


# promise 000-50
async def test_a_notifier_that_fails_three_times_leaves_one_transfer_and_one_notice_each() -> None:
    mailer = Moody(away=3)
    bank = await Bank(mailer).with_two()
    await bank.send(transfer())
    await drained(bank)
    assert mailer.away < 0
    assert len(mailer.kept) == 2
    assert len({mail.message_id for mail in mailer.kept}) == 2
    happened = await all_events(bank.log)
    assert [of(kind, happened) for kind in (events.MoneyTransferred, events.AccountDebited)] == [1, 1]
    assert of(events.TransferPartiesNotified, happened) == 1


async def test_a_notice_that_never_goes_out_becomes_a_failed_command_and_the_rest_is_done() -> None:
    mailer = MemoryMailer()
    mailer.trouble = Retry("away for good")
    bank = await Bank(mailer).with_two()
    await bank.send(transfer())
    await drained(bank)
    happened = await all_events(bank.log)
    assert [of(kind, happened) for kind in (events.TransactionRecorded, events.TransferAnalyzed)] == [1, 1]
    (failed,) = await bank.queue.peek("bank.notify", 10, failed=True)
    assert failed.error == "away for good"


async def test_a_large_transfer_waits_for_an_operator_whose_rejection_moves_the_money_back() -> None:
    bank = await Bank(MemoryMailer()).with_two(2_000_000)
    await bank.send(transfer(amount=1_000_000))

    async def flagged() -> bool:
        return of(events.TransferFlagged, await bank.events("bank.transfer-t-1")) == 1

    async with working(bank.worker(channels=["bank.fraud"])):
        await until(flagged)
    assert of(events.AccountCredited, await all_events(bank.log)) == 1
    answer = await bank.send(commands.RejectFlaggedTransferRequest(transfer_id="t-1", reason="fraud"))
    assert answer.receipt.aggregate_id == "t-1"
    (*_, back) = await bank.events("bank.account-ada")
    assert isinstance(back, events.AccountCredited)
    assert back.balance.minor_units == 2_000_000
