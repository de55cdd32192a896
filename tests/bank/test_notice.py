"""Telling the parties: one mail each, with the same Message-ID on every attempt."""

from hashlib import sha256

import pytest
from cqrs.bank.v1.commands_pb2 import NotifyTransferPartiesRequest

from command_service.adapters.memory_mail import MemoryMailer
from command_service.decider import Retry
from command_service.domains.bank.notice import NOTIFY
from command_service.domains.bank.transfer_follow_up import FollowUp
from command_service.domains.bank.transfer_state import Transfer
from command_service.mail import Mail, MailRefused

MOVED = Transfer(
    source_id="ada-1",
    destination_id="bob-1",
    source_owner="Ada",
    source_email="ada@example.org",
    destination_owner="Bob",
    destination_email="bob@example.org",
    amount=12_34,
    currency="EUR",
    reference="Rent, May",
)


async def told(mailer: object, transfer: Transfer = MOVED, transfer_id: str = "t-1") -> object:
    return await NOTIFY.run(NotifyTransferPartiesRequest(transfer_id=transfer_id), mailer, FollowUp(), transfer)


# promise 000-48
async def test_payer_and_payee_get_one_mail_each() -> None:
    mailer = MemoryMailer()
    assert await told(mailer) == ("ada-1", "bob-1")
    assert mailer.kept == [
        Mail(
            "<bank/transfer/t-1/payer@obverse>",
            "ada@example.org",
            "You have sent 12.34 EUR",
            "Dear Ada,\n\n12.34 EUR went from your account ada-1 to Bob.\nTransfer: t-1\nReference: Rent, May\n",
        ),
        Mail(
            "<bank/transfer/t-1/payee@obverse>",
            "bob@example.org",
            "You have received 12.34 EUR",
            "Dear Bob,\n\n12.34 EUR came into your account bob-1 from Ada.\nTransfer: t-1\nReference: Rent, May\n",
        ),
    ]


async def test_a_party_without_an_address_is_told_nothing() -> None:
    mailer = MemoryMailer()
    assert await told(mailer, Transfer(source_id="ada-1", destination_id="b", destination_email="b@example.org")) == (
        "b",
    )
    assert [(mail.to, "Reference" in mail.text) for mail in mailer.kept] == [("b@example.org", False)]


async def test_trouble_with_the_mail_server_is_passed_on_and_another_attempt_sends_the_same_mails() -> None:
    mailer = MemoryMailer()
    mailer.trouble = Retry("away")
    with pytest.raises(Retry):
        await told(mailer)
    mailer.trouble = None
    await told(mailer)
    once = list(mailer.kept)
    await told(mailer)
    assert mailer.kept == once * 2


class Particular:
    """A mail server that never takes anything for one address."""

    def __init__(self, refuses: str) -> None:
        self.refuses = refuses
        self.kept: list[str] = []

    async def send(self, mail: Mail) -> None:
        if mail.to == self.refuses:
            raise MailRefused(f"no mailbox {mail.to}")
        self.kept.append(mail.to)


async def test_one_address_that_nobody_takes_mail_for_does_not_keep_the_other_party_from_being_told() -> None:
    mailer = Particular("ada@example.org")
    with pytest.raises(MailRefused, match="no mailbox ada"):
        await told(mailer)
    assert mailer.kept == ["bob@example.org"]


async def test_no_transfer_id_can_take_the_message_id_of_another() -> None:
    mailer = MemoryMailer()
    await told(mailer, transfer_id="ü")
    await told(mailer, transfer_id=sha256("ü".encode()).hexdigest())
    assert len({mail.message_id for mail in mailer.kept}) == 4


@pytest.mark.parametrize("transfer_id", ["x" * 200, "/" * 200, "ü€" * 100, "a b", "日" * 200])
async def test_any_transfer_id_makes_a_message_id_of_its_own(transfer_id: str) -> None:
    mailer = MemoryMailer()
    await told(mailer, transfer_id=transfer_id)
    await told(mailer, transfer_id=transfer_id[:-1])
    assert len({mail.message_id for mail in mailer.kept}) == 4
