"""Mail that goes nowhere: for tests, and for a worker that is to tell nobody anything."""

from command_service.decider import Retry
from command_service.mail import Mail, MailRefused


class MemoryMailer:
    """A Mailer that keeps what it gets, in order."""

    def __init__(self) -> None:
        self.kept: list[Mail] = []
        """What was sent, oldest first."""
        self.trouble: Retry | MailRefused | None = None
        """Raised by every `send` while it is set, e.g. Retry("away"); nothing is kept then."""

    async def send(self, mail: Mail) -> None:
        """See Mailer."""
        if self.trouble is not None:
            raise self.trouble
        self.kept.append(mail)
