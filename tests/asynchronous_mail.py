"""A mail server in the test's own process: as slow as is wanted, or closed until it is opened."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.parser import BytesHeaderParser

from aiosmtpd.smtp import SMTP, Envelope, Session


class SlowMail:
    """What the server has taken, and when it takes more."""

    def __init__(self, seconds: float = 0) -> None:
        """A mail takes so many seconds, once the server is open."""
        self.seconds = seconds
        self.open = asyncio.Event()
        self.open.set()
        self.begun = 0
        """Mails that were offered."""
        self.taken: Counter[str] = Counter()
        """By Message-ID."""
        self.url = ""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take a mail."""
        self.begun += 1
        await self.open.wait()
        await asyncio.sleep(self.seconds)
        self.taken[str(BytesHeaderParser().parsebytes(envelope.content or b"")["Message-ID"])] += 1  # type: ignore[arg-type]
        return "250 taken"


@asynccontextmanager
async def slow_mail(seconds: float = 0) -> AsyncIterator[SlowMail]:
    """The server while the block runs."""
    mail, loop = SlowMail(seconds), asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    server = await loop.create_server(lambda: SMTP(mail, hostname="localhost", loop=loop), sock=listening)
    mail.url = f"smtp://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield mail
    finally:
        mail.open.set()
        server.close()
