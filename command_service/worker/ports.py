"""Step 6, the world: the adapters behind the ports of effects, as the settings say."""

from collections.abc import Mapping
from typing import Any

from command_service.adapters.smtp import SmtpMailer
from command_service.worker.settings import Settings


def ports(settings: Settings) -> Mapping[str, Any]:
    """By name, as deciders' effects name them; raises SettingsError. What is not set is not there."""
    adapters: dict[str, Any] = {}
    if settings.smtp_url:
        adapters["mail"] = SmtpMailer.at(settings.smtp_url, settings.mail_from)
    return adapters
