"""Fulfilment demo, step 3: what the shop is sent: its stock, then an order for each invoice, with ids of the run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cqrs.common.v1.common_pb2 import CommandContext
from cqrs.shop.v1.commands_pb2 import PlaceOrderRequest
from cqrs.shop.v1.stock_commands_pb2 import RegisterStockItemRequest
from cqrs.shop.v1.types_pb2 import Address, OrderItem, PaymentMethod
from google.protobuf.timestamp_pb2 import Timestamp

from ops.demo.invoices import Invoice
from ops.demo.requests import Requests, item_of, pounds
from ops.demo_fulfilment.cards import card


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the day; asked twice, the same command under the same id."""

    run: str
    number: int
    """Its place in the day, from 1."""
    invoice: Invoice

    @property
    def order_id(self) -> str:
        """Its id, and the place command's."""
        return f"{self.run}-{self.invoice.number}"

    def place(self) -> PlaceOrderRequest:
        """Paid with the card of its number; its customer's address is made of the customer's name."""
        requests = Requests(self.run, self.invoice)
        customer = self.invoice.customer or f"guest-{self.invoice.number}"
        return PlaceOrderRequest(
            context=requests.context("place"),
            order_id=self.order_id,
            user_id=requests.customer,
            customer_email=f"customer-{customer}@example.com",
            items=self._items(),
            total_amount=pounds(sum(line.quantity * line.pence for line in self.invoice.lines)),
            payment=PaymentMethod(token=card(self.number), last_four=f"{self.number % 10_000:04d}"),
            shipping_address=Address(country=self.invoice.country),
            order_time=Timestamp(seconds=int(self.invoice.time.timestamp())),
        )

    def _items(self) -> Iterable[OrderItem]:
        for line in self.invoice.lines:
            item = item_of(line)
            item.product_id = sku(self.run, line.code)
            yield item


def sku(run: str, code: str) -> str:
    """The run's own stock item for a code of the file."""
    return f"{run}-{code}"


def registrations(run: str, invoices: Iterable[Invoice]) -> Sequence[RegisterStockItemRequest]:
    """A stock item for each code, with exactly as many as are ordered: one more would be refused."""
    wanted: Counter[str] = Counter()
    names: dict[str, str] = {}
    for invoice in invoices:
        for line in invoice.lines:
            wanted[line.code] += line.quantity
            names[line.code] = names.get(line.code) or line.description
    return [
        RegisterStockItemRequest(
            context=CommandContext(command_id=f"{run}-stock-{place}", correlation_id=run),
            sku=sku(run, code),
            name=names[code],
            on_hand=quantity,
        )
        for place, (code, quantity) in enumerate(wanted.items())
    ]
