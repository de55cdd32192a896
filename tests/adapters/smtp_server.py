"""A real SMTP server in the test's own process that keeps what it gets, or answers as it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class TestServer:
    """Its answers can be changed while it runs."""

    __test__ = False
    port: int = 0
    rcpt: str = "250 yes"
    data: str = "250 kept"
    slow: bool = False
    """Answers nothing to DATA any more."""
    kept: list[Envelope] = field(default_factory=list)
    listening: asyncio.Server | None = None
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    """Whether TLS begins with STARTTLS; else with the first byte, where there is any."""

    async def start(self) -> None:
        """Listen, on the port of the time before."""
        loop = asyncio.get_running_loop()
        at_once = None if self.starttls else self.tls
        self.listening = await loop.create_server(self._protocol, "127.0.0.1", self.port, ssl=at_once)
        self.port = self.listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no connections any more."""
        if self.listening:
            self.listening.close()
            await self.listening.wait_closed()

    def _protocol(self) -> SMTP:
        loop = asyncio.get_running_loop()
        return SMTP(
            self,
            loop=loop,
            hostname="test",
            enable_SMTPUTF8=True,
            authenticator=self._authenticate,
            auth_require_tls=False,
            tls_context=self.tls if self.starttls else None,
        )

    @staticmethod
    def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _kind: str, given: object) -> AuthResult:
        assert isinstance(given, LoginPassword)
        return AuthResult(success=given == LoginPassword(b"ada", b"p@ss"), handled=False)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answers RCPT."""
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Answers the end of DATA."""
        if self.slow:
            await asyncio.Event().wait()
        if self.data.startswith("250"):
            self.kept.append(envelope)
        return self.data


@asynccontextmanager
async def smtp_server(tls: ssl.SSLContext | None = None, starttls: bool = False) -> AsyncIterator[TestServer]:
    """One that runs."""
    server = TestServer(tls=tls, starttls=starttls)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
