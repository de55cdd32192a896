"""Where mail goes out and in whose name, read from OBVERSE_SMTP_URL and OBVERSE_MAIL_FROM when the worker starts."""

import ipaddress
import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from runtime.settings import SettingsError

_FORM = "smtp://[user:password@]host[:port][?starttls=required] or smtps://[user:password@]host[:port]"
_FROM = re.compile(r"(?:(?P<name>[^<>\"]*)<(?P<spec>[^<>\s]+)>|(?P<bare>[^<>\s]+))")
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server and how to speak to it."""

    host: str
    port: int
    tls: bool = False
    """TLS from the first byte (RFC 8314)."""
    starttls: bool = False
    """TLS before anything is sent, or nothing is (RFC 3207)."""
    user: str = ""
    """Empty: no login."""
    password: str = field(default="", repr=False)

    @classmethod
    def at(cls, url: str) -> Self:
        """The server that OBVERSE_SMTP_URL names; SettingsError, which never shows the password."""
        try:
            return cls._of(urlsplit(url))
        except ValueError as error:
            shown = re.sub(r"//.*@", "//***@", url)
            raise SettingsError([f"OBVERSE_SMTP_URL={shown!r} {error}; it looks like {_FORM}"]) from None

    @classmethod
    def _of(cls, parts: SplitResult) -> Self:
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("names no mail server")
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        if parts.path.strip("/") or parts.fragment or options not in ({}, {"starttls": "required"}):
            raise ValueError("has more after the port than ?starttls=required")
        starttls, tls = bool(options), parts.scheme == "smtps"
        if tls and starttls:
            raise ValueError("asks for TLS twice: smtps:// has it from the start")
        if bool(parts.username) != bool(parts.password):
            raise ValueError("has only one of user and password")
        if parts.password and not (tls or starttls or _is_loopback(parts.hostname)):
            raise ValueError("would send the password in the clear: add ?starttls=required or take smtps://")
        port = parts.port or _PORTS["smtp+starttls" if starttls else parts.scheme]
        return cls(parts.hostname, port, tls, starttls, unquote(parts.username or ""), unquote(parts.password or ""))


def sender(mail_from: str) -> Address:
    """Who the mails are from, by OBVERSE_MAIL_FROM, e.g. `The shop <shop@example.com>`; SettingsError."""
    found = _FROM.fullmatch(mail_from.strip())
    try:
        if not found or not mail_from.isprintable():
            raise ValueError
        return Address((found["name"] or "").strip(), addr_spec=found["spec"] or found["bare"])
    except (ValueError, IndexError, MessageError):
        text = f"OBVERSE_MAIL_FROM={mail_from!r} is no sender; it looks like shop@example.com or The shop <shop@…>"
        raise SettingsError([text]) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
