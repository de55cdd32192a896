"""Step 6, the world: the adapters behind the ports of effects, as the settings say."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from command_service.adapters.sandbox_payments import SandboxPayments
from command_service.adapters.smtp import SmtpMailer
from command_service.worker.settings import Settings
from runtime.settings import SettingsError


@contextmanager
def open_ports(settings: Settings) -> Iterator[Mapping[str, Any]]:
    """By name, as deciders' effects name them, while the block runs; SettingsError. What is not set is not there."""
    adapters: dict[str, Any] = {}
    if settings.smtp_url:
        adapters["mail"] = SmtpMailer.at(settings.smtp_url, settings.mail_from)
    with closing(_payments(settings.sandbox_payments)) as payments:
        adapters["payments"] = payments
        yield adapters


def _payments(path: str) -> SandboxPayments:
    try:
        return SandboxPayments(path or ":memory:")
    except sqlite3.Error as error:
        text = f"OBVERSE_SANDBOX_PAYMENTS={path!r} cannot be used: {error}; name a file that can be written"
        raise SettingsError([text]) from error
