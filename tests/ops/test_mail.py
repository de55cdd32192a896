"""The mail server of the running system is a process that really speaks SMTP, and loses nothing that it has taken."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from command_service.adapters.smtp import SmtpMailer
from command_service.adapters.smtp_server import SmtpServer, sender
from command_service.decider import Retry
from command_service.mail import Mail, message_id
from ops.embedded import EmbeddedMail
from ops.mailbox import Mailbox
from ops.service import Service
from ops.supervisor import System
from tests.ops.test_cli import environment, obverse

MAIL = Mail("<order-1/confirmed@obverse>", "ada@example.com", "[shop] Größe passt", "Grüße\n.\nEnde\n")


def mailer(server: EmbeddedMail) -> SmtpMailer:
    return SmtpMailer(SmtpServer.at(server.url), sender("The shop <shop@example.com>"))


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedMail]:
    with EmbeddedMail(tmp_path / "data" / "mail") as running:
        yield running


async def test_a_mail_that_was_taken_is_a_file(server: EmbeddedMail) -> None:
    await mailer(server).send(MAIL)
    (kept,) = server.mailbox.last()
    assert kept.path.parent == server.data / "new"
    assert (kept.number, kept.to, kept.subject, kept.message_id) == (1, MAIL.to, MAIL.subject, MAIL.message_id)
    assert kept.whole().get_content().replace("\r\n", "\n") == MAIL.text
    assert (kept.whole()["Return-Path"], kept.whole()["Delivered-To"]) == ("<shop@example.com>", MAIL.to)
    assert list((server.data / "tmp").iterdir()) == []


async def test_a_second_one_with_the_same_message_id_is_kept_too(server: EmbeddedMail) -> None:
    for _ in range(2):
        await mailer(server).send(MAIL)
    assert [kept.number for kept in server.mailbox.find(MAIL.message_id)] == [1, 2]


async def test_what_was_taken_survives_a_kill_and_the_server_comes_back_at_its_address(server: EmbeddedMail) -> None:
    url, taken = server.url, set[str]()

    async def send(number: int) -> None:
        mail = replace(MAIL, message_id=message_id(str(number)))
        try:
            await mailer(server).send(mail)
        except Retry:
            return
        taken.add(mail.message_id)
        if len(taken) == 20:
            server.kill()

    await asyncio.gather(*map(send, range(60)))
    await asyncio.gather(*map(send, range(60, 100)))  # nobody is there to take these, however fast the others were
    assert 20 <= len(taken) <= 60
    (server.data / "tmp" / "half.eml").write_text("what the kill has left")
    await asyncio.to_thread(server.start)
    assert server.url == url
    await send(100)
    kept = [mail.message_id for mail in server.mailbox.last()]
    assert taken <= set(kept)
    assert kept[-1] == message_id("100")
    assert list((server.data / "tmp").iterdir()) == []


async def test_while_the_disk_takes_nothing_the_sender_is_told_to_try_again(server: EmbeddedMail) -> None:
    (server.data / "tmp").rmdir()
    with pytest.raises(Retry, match="452"):
        await mailer(server).send(MAIL)
    (server.data / "tmp").mkdir()
    await mailer(server).send(MAIL)
    assert len(server.mailbox.last()) == 1


def test_a_mailbox_gives_the_newest_last_and_keeps_its_numbers(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    assert (mailbox.last(), mailbox.find("1"), mailbox.find("<a@b>")) == ([], [], [])
    mailbox.prepare()
    paths = [mailbox.keep(f"Message-ID: <{number}@x>\n\nhello".encode()) for number in range(5)]
    assert [(kept.number, kept.message_id) for kept in mailbox.last(2)] == [(4, "<3@x>"), (5, "<4@x>")]
    assert [kept.path for kept in mailbox.last()] == paths
    assert [kept.number for kept in (*mailbox.find("2"), *mailbox.find("1@x"), *mailbox.find("<1@x>"))] == [2, 2, 2]
    assert (mailbox.find("0"), mailbox.find("6"), mailbox.find("5@x")) == ([], [], [])


async def test_the_command_line_lists_what_was_sent_and_shows_one(server: EmbeddedMail) -> None:
    env = environment(server.data.parent)
    await mailer(server).send(MAIL)
    await mailer(server).send(replace(MAIL, message_id=message_id("order-2", "confirmed"), subject="Second"))
    table = obverse("mail", env=env).stdout
    assert table.index(MAIL.subject) < table.index("Second")
    assert MAIL.message_id in table
    newest = [json.loads(line) for line in obverse("mail", "--limit", "1", "--json", env=env).stdout.splitlines()]
    assert [(mail["number"], mail["to"], mail["subject"]) for mail in newest] == [(2, MAIL.to, "Second")]
    shown = obverse("mail", "show", MAIL.message_id, env=env).stdout
    assert "Subject: [shop] Größe passt\n" in shown
    assert shown.endswith(f"\n{MAIL.text}\n")
    assert json.loads(obverse("mail", "show", "1", "--json", env=env).stdout)["text"] == MAIL.text


def test_the_command_line_says_when_there_is_none(tmp_path: Path) -> None:
    env = environment(tmp_path / "data")
    empty = obverse("mail", env=env)
    assert (empty.returncode, "No mail in" in empty.stdout, "obverse up" in empty.stdout) == (0, True, True)
    assert obverse("mail", "--json", env=env).stdout == ""
    unknown = obverse("mail", "show", "7", env=env)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "No mail 7" in unknown.stderr


NEEDY = Service("needy", ("/bin/sh", "-c", "exit 0"), ("OBVERSE_SMTP_URL", "OBVERSE_SANDBOX_PAYMENTS"))


async def test_it_is_a_part_of_the_system_that_comes_back_or_stays_down(tmp_path: Path) -> None:
    with System(tmp_path, services=()) as system:
        before = system.pid("mail")
        os.kill(before, signal.SIGKILL)
        until(lambda: system.pid("mail") not in {0, before})
        system.kill("mail", stay_down=True)
        with pytest.raises(Retry):
            await mailer(system.mail).send(MAIL)
        system.start_one("mail")
        await mailer(system.mail).send(MAIL)
        assert [kept.message_id for kept in system.mail.mailbox.last()] == [MAIL.message_id]


def test_a_service_is_told_where_mail_and_payments_are(tmp_path: Path) -> None:
    system = System(tmp_path, services=[NEEDY], environ={"OBVERSE_SMTP_URL": "smtp://elsewhere"})
    given = system.environment("needy")
    assert given["OBVERSE_SMTP_URL"] == system.mail.url
    assert given["OBVERSE_SANDBOX_PAYMENTS"] == str(tmp_path / "payments.sqlite")
