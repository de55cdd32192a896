"""The bank's write side in the test's own process, with workers, all in memory."""

from typing import Any

from cqrs.bank.v1 import commands_pb2 as commands
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message

from command_service.catalogue import Catalogue
from command_service.domains.bank import DECIDERS
from command_service.domains.shop.cart import CARTS
from command_service.event_log import EventLog
from runtime.upcast import decode
from tests.bank.messages import deposit, open_account
from tests.worker.world import World


class Bank(World):
    """One log, and whoever carries a bank's commands out on it."""

    def __init__(self, mailer: Any) -> None:
        super().__init__(CARTS)
        self.catalogue = Catalogue((commands.DESCRIPTOR,), DECIDERS)
        self.ports = {"mail": mailer}
        self._handler = self.handler(self.log)

    async def with_two(self, amount: int = 1000) -> "Bank":
        """The bank after two accounts were opened and Ada's was given money."""
        for name in ("ada", "bob"):
            await self.send(open_account(name, email=f"{name}@example.org"))
        await self.send(deposit("ada", amount))
        return self


async def all_events(log: EventLog) -> list[Message]:
    """Every event of the log that is known, in order."""
    page = await log.read_log(0, 1_000_000)
    decoded = (decode(Record.FromString(each.record)) for each in page.records)
    return [event for event in decoded if event is not None]
