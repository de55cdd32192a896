"""`python -m ops.mail_server`: an SMTP server on loopback that delivers nothing and keeps every mail as a file.

It is for development and tests, where mails are to be looked at and nobody is to get one.
"""

import argparse
import asyncio
from pathlib import Path

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from ops.mailbox import Mailbox
from runtime import logs
from runtime.lifetime import run, until_stopped

# Not from ops.embedded: that imports every server's client, and this is to start quickly.
LOOPBACK = "127.0.0.1"
log = structlog.get_logger()


class Keeping:
    """What the server does with a mail."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keeps it; the answer says whether it is on disk."""
        content = _marked(envelope)
        try:
            kept = await asyncio.to_thread(self._mailbox.keep, content)
        except OSError as error:
            log.error("Mail not kept", to=envelope.rcpt_tos, error=str(error))
            return "452 not kept: the disk does not take it; try again later"
        log.info("Mail kept", to=" ".join(envelope.rcpt_tos), file=kept.name, bytes=len(content))
        return f"250 kept as {kept.name}"


def _marked(envelope: Envelope) -> bytes:
    """The mail with what only the envelope says, as a mail server that delivers writes it (RFC 5321 section 4.4)."""
    content = envelope.original_content or b""
    delivered = "".join(f"Delivered-To: {address}\r\n" for address in envelope.rcpt_tos)
    return f"Return-Path: <{envelope.mail_from or ''}>\r\n{delivered}".encode() + content


async def serve(folder: Path, port: int, name: str) -> None:
    """Keeps mails in the folder until SIGTERM; `name` is part of the greeting."""
    logs.configure("mail", "console", "info")
    mailbox = Mailbox(folder)
    mailbox.prepare()
    loop, keeping = asyncio.get_running_loop(), Keeping(mailbox)

    def connection() -> SMTP:
        # The host's name is given because the library would ask DNS for it.
        return SMTP(keeping, hostname="localhost", ident=f"Obverse {name}", enable_SMTPUTF8=True, loop=loop)

    server = await loop.create_server(connection, LOOPBACK, port)
    log.info("Mail server started", address=f"{LOOPBACK}:{port}", folder=str(folder))
    await until_stopped()
    server.close()
    log.info("Mail server stopped")


def main() -> None:
    """Reads the arguments and serves."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", default="mail")
    options = parser.parse_args()
    run(lambda: serve(options.folder, options.port, options.name))


if __name__ == "__main__":
    main()
