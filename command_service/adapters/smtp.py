"""Mail over real SMTP: one connection a mail, so that a server that went away is met anew each time."""

import asyncio
import socket
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import Self

import aiosmtplib
from aiosmtplib.errors import SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponseException

from command_service.adapters.smtp_server import SmtpServer, sender
from command_service.decider import Retry
from command_service.mail import Mail, MailRefused
from runtime.settings import SettingsError

_GOODBYE_SECONDS = 1.0
_PLAIN = 60
"""Characters of a subject that still fit into one line as they are (RFC 5322 section 2.1.1)."""
_WORD = 45
"""Bytes that become an encoded word of at most 75 characters (RFC 2047 section 2)."""


class SmtpMailer:
    """A Mailer in front of a mail server (RFC 5321); any number of mails may be under way at a time."""

    def __init__(self, server: SmtpServer, mail_from: Address, timeout_seconds: float = 15.0) -> None:
        """Mails come from `mail_from`; one takes `timeout_seconds` at most, connecting included, then it is a Retry."""
        self._server, self._from, self._timeout_seconds = server, mail_from, timeout_seconds

    @classmethod
    def at(cls, url: str, mail_from: str) -> Self:
        """The mailer that OBVERSE_SMTP_URL and OBVERSE_MAIL_FROM describe; SettingsError with every mistake in them."""
        try:
            server = SmtpServer.at(url)
        except SettingsError as error:
            raise SettingsError([*error.mistakes, *_mistakes(mail_from)]) from None
        return cls(server, sender(mail_from))

    async def send(self, mail: Mail) -> None:
        """See Mailer. What goes wrong before the mail was offered (no connection, no TLS, no login) is a Retry too."""
        client = self._client()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._connect(client)
                await self._offer(client, mail)
        except TimeoutError as error:
            raise Retry(f"{self._place} took longer than {self._timeout_seconds:g} s") from error
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.tls,
            start_tls=self._server.starttls,
            username=self._server.user or None,
            password=self._server.password or None,
            # Left out, the library asks DNS for this host's name, and blocks while it does.
            local_hostname=socket.gethostname(),
            timeout=self._timeout_seconds,
        )

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.connect()
        except (SMTPException, OSError) as error:
            raise Retry(f"{self._place} does not serve us: {error}") from error

    async def _offer(self, client: aiosmtplib.SMTP, mail: Mail) -> None:
        options = [] if (mail.to + self._from.addr_spec).isascii() else ["SMTPUTF8"]
        content = written(mail, self._from)
        try:
            await client.sendmail(self._from.addr_spec, mail.to, content, mail_options=options)
        except SMTPRecipientsRefused as error:
            raise self._meaning(error.recipients[0], mail) from error
        except SMTPResponseException as error:
            raise self._meaning(error, mail) from error
        except SMTPNotSupported as error:
            raise MailRefused(f"{self._place} takes no address with other characters than ASCII: {error}") from error
        except (SMTPException, OSError) as error:
            raise Retry(f"{self._place} went away: {error}") from error
        # The server has the mail: what goes wrong now is no reason to send it again.
        with suppress(SMTPException, OSError):
            await client.quit(timeout=_GOODBYE_SECONDS)

    def _meaning(self, answer: SMTPResponseException, mail: Mail) -> Retry | MailRefused:
        # It goes into logs, and servers like to repeat whose address it is.
        said = f"{self._place} answered {answer.code} {answer.message.replace(mail.to, 'its recipient')}"
        return MailRefused(said) if 500 <= answer.code < 600 else Retry(said)

    @property
    def _place(self) -> str:
        return f"The mail server {self._server.host}:{self._server.port}"


def _mistakes(mail_from: str) -> list[str]:
    try:
        sender(mail_from)
    except SettingsError as error:
        return error.mistakes
    return []


def written(mail: Mail, mail_from: Address) -> bytes:
    """The mail as it goes over the wire (RFC 5322, RFC 2045): ASCII only, unless an address is not."""
    utf8 = not (mail.to + mail_from.addr_spec).isascii()
    message = EmailMessage(WIRE.clone(cte_type="7bit", utf8=utf8))
    message["From"] = mail_from
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Auto-Submitted"] = "auto-generated"  # nobody's absence note is wanted (RFC 3834)
    message.set_content(mail.text)
    # By hand: the library folds a long Message-ID, knows no address with two dots in a row or an umlaut, and loses a
    # space of a long subject here and there.
    exact = {"Message-ID": mail.message_id, "To": mail.to, "Subject": encoded(mail.subject)}
    return "".join(f"{name}: {value}\r\n" for name, value in exact.items()).encode() + bytes(message)


def encoded(text: str) -> str:
    """One line of any characters as the value of a header (RFC 2047), folded where it is long."""
    if text.isascii() and text.strip() == text and "=?" not in text and len(text) <= _PLAIN:
        return text
    words, room = [""], 0
    for character in text:
        room -= len(character.encode())
        if room < 0:
            words.append("")
            room = _WORD - len(character.encode())
        words[-1] += character
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word.encode()).decode()}?=" for word in words[1:])
