"""What views and lists must look like, folded from the log's records into dictionaries.

It shares nothing with the projector: it was written from the contracts' comments, and it imports contracts alone.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from cqrs.admin.v1 import events_pb2 as admin_events
from cqrs.bank.v1 import events_pb2 as bank_events
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import events_pb2 as shop_events

from tests.plain import Indexes, Plain, plain
from tests.plain_bank import PlainAccounts
from tests.plain_commands import PlainCommands
from tests.plain_fulfilment import PlainHistory, PlainPayments, PlainSales, PlainStock
from tests.plain_orders import PlainCarts, PlainOrders

CONTRACTS: dict[str, Any] = {
    "cqrs.shop.v1": shop_events,
    "cqrs.bank.v1": bank_events,
    "cqrs.admin.v1": admin_events,
}
"""The events of each package whose records are folded; records of others are passed over."""


class PlainProjection(Protocol):
    """The views of one projection, folded plainly."""

    @property
    def views(self) -> dict[str, Plain]:
        """By key."""

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one record of its domain, of this short type."""

    def indexes(self) -> Indexes:
        """The place of each view in each list."""


class Folded:
    """Every projection that is folded plainly, as far as the records that were taken."""

    def __init__(self, epoch: str = "") -> None:
        self._by_package: dict[str, dict[str, PlainProjection]] = {
            "cqrs.shop.v1": {
                "shop.carts": PlainCarts(),
                "shop.orders": PlainOrders(),
                "shop.history": PlainHistory(),
                "shop.stock": PlainStock(),
                "shop.payments": PlainPayments(),
                "shop.sales": PlainSales(),
            },
            "cqrs.bank.v1": {"bank.accounts": PlainAccounts()},
            "cqrs.admin.v1": {"platform.commands": PlainCommands(epoch)},
        }
        self.projections = {name: part for parts in self._by_package.values() for name, part in parts.items()}
        """By name."""

    def take(self, position: int, data: bytes) -> None:
        """Fold the next record; KeyError when an event is about what was never begun."""
        record = Record.FromString(data)
        package, _, name = record.type.rpartition(".")
        if package not in self._by_package:
            return
        event = getattr(CONTRACTS[package], name).FromString(record.data)
        for part in self._by_package[package].values():
            part.take(position, record, name, plain(event))  # each may change what it is given

    @property
    def carts(self) -> dict[str, Plain]:
        """Carts by key ("cart:…")."""
        return self.projections["shop.carts"].views

    @property
    def orders(self) -> dict[str, Plain]:
        """Orders by key ("order:…")."""
        return self.projections["shop.orders"].views

    @property
    def indexes(self) -> Indexes:
        """The lists of orders."""
        return self.projections["shop.orders"].indexes()


def fold(records: Iterable[tuple[int, bytes]], epoch: str = "") -> Folded:
    """Fold (position, record bytes) in order; KeyError when an event is about what was never begun."""
    folded = Folded(epoch)
    for position, data in records:
        folded.take(position, data)
    return folded
