"""What every adapter of mail promises, in memory and over real SMTP; then what only SMTP can get wrong."""

import asyncio
import email
import email.policy
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_service.adapters.memory_mail import MemoryMailer
from command_service.adapters.smtp import SmtpMailer, written
from command_service.adapters.smtp_server import SmtpServer, sender
from command_service.decider import Retry
from command_service.mail import Mail, Mailer, MailRefused, message_id
from runtime.settings import SettingsError
from tests.adapters.smtp_server import TestServer, smtp_server

SHOP = sender("The shop <shop@example.com>")
MAIL = Mail("<order-1/confirmed@obverse>", "ada@example.com", "Your order", "It is on its way.\n")


def read(content: bytes) -> Mail:
    message = email.message_from_bytes(content, policy=email.policy.default)
    text = message.get_content().replace("\r\n", "\n")
    return Mail(message["Message-ID"], str(message["To"]), str(message["Subject"]), text)


class World(Protocol):
    """A mailer, and the hands that trouble it."""

    @property
    def mailer(self) -> Mailer: ...
    async def away(self) -> None: ...
    async def back(self) -> None: ...
    async def busy(self) -> None: ...
    async def unwilling(self) -> None: ...
    def kept(self) -> list[Mail]: ...


@dataclass
class Memory:
    mailer: MemoryMailer

    async def away(self) -> None:
        self.mailer.trouble = Retry("away")

    async def back(self) -> None:
        self.mailer.trouble = None

    async def busy(self) -> None:
        self.mailer.trouble = Retry("450 busy")

    async def unwilling(self) -> None:
        self.mailer.trouble = MailRefused("550 nobody of that name")

    def kept(self) -> list[Mail]:
        return self.mailer.kept


@dataclass
class Smtp:
    mailer: SmtpMailer
    server: TestServer

    async def away(self) -> None:
        await self.server.stop()

    async def back(self) -> None:
        await self.server.stop()
        self.server.rcpt = "250 yes"
        await self.server.start()

    async def busy(self) -> None:
        self.server.rcpt = "450 busy"

    async def unwilling(self) -> None:
        self.server.rcpt = "550 nobody of that name"

    def kept(self) -> list[Mail]:
        return [read(envelope.content) for envelope in self.server.kept if isinstance(envelope.content, bytes)]


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async with smtp_server() as running:
        yield running


@pytest.fixture(params=["memory", "smtp"])
async def world(request: pytest.FixtureRequest, server: TestServer) -> World:
    return Memory(MemoryMailer()) if request.param == "memory" else Smtp(mailer(server), server)


def mailer(server: TestServer, timeout_seconds: float = 5, **more: str | bool) -> SmtpMailer:
    return SmtpMailer(replace(SmtpServer("127.0.0.1", server.port), **more), SHOP, timeout_seconds)  # type: ignore[arg-type]


async def test_a_mail_arrives_as_it_was_sent(world: World) -> None:
    await world.mailer.send(MAIL)
    assert world.kept() == [MAIL]


@pytest.mark.parametrize(
    "mail",
    [
        replace(
            MAIL, subject="Größe passt: ¥€$ — 你好 👋 " * 9, text="Grüße\n\n.\n..\nFrom here\n" + "я" * 2000 + "\n"
        ),
        replace(MAIL, subject="=?utf-8?q?looks_encoded?=", text="x" * 5000 + "\n"),
        replace(MAIL, message_id=message_id("ein Schlüssel / mit <allem>" * 9, "confirmed")),
        replace(MAIL, to="a..b+c'd@example.com"),
        replace(MAIL, to="jörg@bücher.example"),
    ],
    ids=["any characters", "long lines", "a long Message-ID", "an odd address", "an address that is not ASCII"],
)
async def test_nothing_of_it_is_changed(world: World, mail: Mail) -> None:
    await world.mailer.send(mail)
    assert world.kept() == [mail]


async def test_many_go_at_a_time(world: World) -> None:
    mails = [replace(MAIL, message_id=message_id(str(number))) for number in range(50)]
    await asyncio.gather(*map(world.mailer.send, mails))
    assert {mail.message_id for mail in world.kept()} == {mail.message_id for mail in mails}


async def test_a_server_that_is_away_is_a_retry_and_takes_the_mail_when_it_is_back(world: World) -> None:
    await world.away()
    with pytest.raises(Retry):
        await world.mailer.send(MAIL)
    await world.back()
    await world.mailer.send(MAIL)
    assert world.kept() == [MAIL]


async def test_not_now_is_a_retry(world: World) -> None:
    await world.busy()
    with pytest.raises(Retry, match="450 busy"):
        await world.mailer.send(MAIL)
    assert world.kept() == []


async def test_never_is_final(world: World) -> None:
    await world.unwilling()
    with pytest.raises(MailRefused, match="550 nobody of that name"):
        await world.mailer.send(MAIL)
    assert world.kept() == []


@pytest.mark.parametrize("code", [450, 550])
async def test_an_error_does_not_say_whose_address_it_was(server: TestServer, code: int) -> None:
    server.rcpt = f"{code} <{MAIL.to}> is not here"
    with pytest.raises((Retry, MailRefused), match=f"{code} <its recipient> is not here") as caught:
        await mailer(server).send(MAIL)
    assert MAIL.to not in str(caught.value)


async def test_a_server_that_is_too_slow_is_a_retry_in_time(server: TestServer) -> None:
    server.slow = True
    with pytest.raises(Retry):
        await asyncio.wait_for(mailer(server, timeout_seconds=0.3).send(MAIL), 5)


async def test_a_server_that_listens_and_says_nothing_is_a_retry_in_time() -> None:
    left = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    silent = await asyncio.start_server(hear, "127.0.0.1", 0)
    deaf = SmtpMailer(SmtpServer("127.0.0.1", silent.sockets[0].getsockname()[1]), SHOP, timeout_seconds=0.3)
    async with silent:
        with pytest.raises(Retry):
            await asyncio.wait_for(deaf.send(MAIL), 5)
        await asyncio.wait_for(left.wait(), 5)


@pytest.mark.parametrize(("answer", "meaning"), [("452 disk full", Retry), ("552 too much", MailRefused)])
async def test_the_answer_to_the_content_counts_too(server: TestServer, answer: str, meaning: type[Exception]) -> None:
    server.data = answer
    with pytest.raises(meaning, match=answer):
        await mailer(server).send(MAIL)


async def test_without_the_tls_that_was_asked_for_nothing_is_sent(server: TestServer) -> None:
    for wish in ("starttls", "tls"):
        with pytest.raises(Retry):
            await mailer(server, timeout_seconds=1, **{wish: True}).send(MAIL)
    assert server.kept == []


async def test_a_login_is_made_and_a_wrong_one_waits_for_somebody_to_correct_it(server: TestServer) -> None:
    await mailer(server, user="ada", password="p@ss").send(MAIL)
    with pytest.raises(Retry, match="535"):
        await mailer(server, user="ada", password="wrong").send(MAIL)
    assert len(server.kept) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """One for localhost that nobody trusts, and a server's context with it."""
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl, which makes the certificate, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key, public = folder / "key.pem", folder / "certificate.pem"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = [openssl, *new, *name, "-keyout", str(key), "-out", str(public)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, key)
    return public, context


@pytest.mark.parametrize("wish", ["tls", "starttls"])
async def test_over_tls_a_server_is_believed_only_with_a_certificate_that_holds(
    certificate: tuple[Path, ssl.SSLContext], wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, context = certificate
    async with smtp_server(context, starttls=wish == "starttls") as server:
        careful = mailer(server, **{wish: True}, user="ada", password="p@ss")
        with pytest.raises(Retry, match="certificate"):
            await careful.send(MAIL)
        assert server.kept == []
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        await careful.send(MAIL)
        assert len(server.kept) == 1


LINE_BREAKS = st.sampled_from(["\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028"])


@given(st.sampled_from(["message_id", "to", "subject"]), LINE_BREAKS, st.data())
def test_no_field_can_become_a_second_header(field: str, line_break: str, data: st.DataObject) -> None:
    value = getattr(MAIL, field)
    at = data.draw(st.integers(0, len(value)))
    with pytest.raises(ValueError, match=r"line break|Message-ID|address"):
        replace(MAIL, **{field: f"{value[:at]}{line_break}Bcc: eve@example.com{value[at:]}"})


@pytest.mark.parametrize("to", ["", "ada", "@", "a@b@c", "ada@example.com, eve@example.com", "Ada <ada@example.com>"])
def test_a_mail_goes_to_one_plain_address(to: str) -> None:
    with pytest.raises(ValueError, match="address"):
        replace(MAIL, to=to)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])), st.text(st.characters(codec="utf-8")))
def test_whatever_is_said_the_headers_stay_these(subject: str, text: str) -> None:
    message = email.message_from_bytes(written(replace(MAIL, subject=subject, text=text), SHOP))
    assert set(message.keys()) == {
        *("Message-ID", "To", "From", "Subject", "Date", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    }
    assert len(message.keys()) == 9
    read_again = email.message_from_bytes(written(replace(MAIL, subject=subject), SHOP), policy=email.policy.default)
    assert str(read_again["Subject"]) == subject


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3), st.data())
def test_a_message_id_names_its_key_and_no_other(key: list[str], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3))
    assert (message_id(*key) == message_id(*other)) == (key == other)


def test_a_message_id_of_a_long_key_is_one_all_the_same() -> None:
    names = [message_id("order", "👋" * 200, kind) for kind in ("confirmed", "cancelled")]
    assert [replace(MAIL, message_id=name).message_id for name in names] == names
    assert len(set(names)) == 2
    assert message_id("order-1", "confirmed") == MAIL.message_id


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1:2525", SmtpServer("127.0.0.1", 2525)),
        ("smtp://mail", SmtpServer("mail", 25)),
        ("smtp://[::1]:26/", SmtpServer("::1", 26)),
        (
            "smtps://a:p%40ss@mail.example.com",
            SmtpServer("mail.example.com", 465, tls=True, user="a", password="p@ss"),
        ),
        ("smtp://a:b@mail?starttls=required", SmtpServer("mail", 587, starttls=True, user="a", password="b")),
        ("smtp://a:b@localhost:25", SmtpServer("localhost", 25, user="a", password="b")),
    ],
)
def test_an_address_says_where_and_how(url: str, server: SmtpServer) -> None:
    assert SmtpServer.at(url) == server


@pytest.mark.parametrize(
    "url",
    [
        *("", "mail", "http://mail", "smtp://", "smtp://:25", "smtp://mail:none", "smtp://mail:99999", "smtp://[::1"),
        *("smtp://mail/folder", "smtp://mail?starttls=maybe", "smtp://mail?x=1", "smtps://mail?starttls=required"),
        *("smtp://a@mail", "smtp://a:secret@mail", "smtp://a:secret@mail?x"),
    ],
)
def test_an_address_that_makes_no_sense_is_said_at_once_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="OBVERSE_SMTP_URL") as error:
        SmtpServer.at(url)
    assert "secret" not in str(error.value)
    assert "looks like smtp://" in str(error.value)


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        SmtpMailer.at("mail", "nobody")
    assert [mistake.partition("=")[0] for mistake in error.value.mistakes] == ["OBVERSE_SMTP_URL", "OBVERSE_MAIL_FROM"]
    with pytest.raises(SettingsError) as error:
        SmtpMailer.at("smtp://mail", "nobody")
    assert len(error.value.mistakes) == 1


async def test_a_mailer_is_made_from_two_settings(server: TestServer) -> None:
    await SmtpMailer.at(f"smtp://127.0.0.1:{server.port}", "The shop <shop@example.com>").send(MAIL)
    assert [envelope.mail_from for envelope in server.kept] == ["shop@example.com"]


@pytest.mark.parametrize("mail_from", ["", "shop", "a@b@c", "a@b\nBcc: c@d", "Shop <a@b", "Sh\u2028op <a@b>", "<>"])
def test_a_sender_that_makes_no_sense_is_said_at_once(mail_from: str) -> None:
    with pytest.raises(SettingsError, match="OBVERSE_MAIL_FROM"):
        sender(mail_from)
