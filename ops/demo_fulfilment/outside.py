"""Fulfilment demo, step 6: what has happened outside: the sandbox provider's books, and the mails that were sent."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from command_service.adapters.sandbox_store import SandboxBooks
from ops.mailbox import Mailbox
from ops.servers import mail_folder, payments_file


@dataclass
class Booked:
    """What the provider has of an order."""

    collected: Decimal = Decimal(0)
    """Less what was paid back, in pounds."""
    held: int = 0
    """Authorisations that are still open."""


Mails = Mapping[tuple[str, str], Sequence[str]]
"""By invoice and kind ("confirmed", "cancelled"), the Message-ID of each mail that came: one may come twice."""


def booked(data: Path, run: str) -> Mapping[str, Booked]:
    """By invoice, what the books have of a run's orders; an invoice that they do not have is empty."""
    found: defaultdict[str, Booked] = defaultdict(Booked)
    with closing(SandboxBooks(str(payments_file(data)))) as books:
        for account in books.accounts():
            owner, _, invoice = account.order_id.rpartition("-")
            if owner == run:
                found[invoice].collected += Decimal(account.captured - account.refunded) / 100
                found[invoice].held += account.held
    return found


def mails(data: Path, run: str) -> Mails:
    """Every mail that the mail server has kept about a run's orders."""
    subject = re.compile(rf"Order {re.escape(run)}-(\S+) (\w+)")
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for kept in Mailbox(mail_folder(data)).last():
        if about := subject.fullmatch(kept.subject):
            found[about[1], about[2]].append(kept.message_id)
    return found
