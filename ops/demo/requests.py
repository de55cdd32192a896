"""Demo, step 3: what a client sends for an invoice. Every id begins with the run's own, so that runs never meet."""

from collections.abc import Sequence
from dataclasses import dataclass

from cqrs.common.v1.common_pb2 import CommandContext, Money
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1.types_pb2 import Address, OrderItem
from google.protobuf.timestamp_pb2 import Timestamp

from ops.demo.invoices import Invoice, Line
from ops.demo.purchases import Part, Whole

CURRENCY = "GBP"
"""The shop's; the file names none."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The commands of one invoice of one customer; asked twice, the same command under the same id."""

    run: str
    invoice: Invoice

    @property
    def customer(self) -> str:
        """Whose cart and orders: the file's customer, or a guest of this invoice alone."""
        return f"{self.run}-{self.invoice.customer or f'guest-{self.invoice.number}'}"

    def adds(self) -> Sequence[commands.AddItemToCartRequest]:
        """One for each line of the file, as it stands there."""
        return [
            commands.AddItemToCartRequest(
                context=self.context(f"add-{place}"),
                user_id=self.customer,
                item_id=line.code,
                quantity=line.quantity,
                price=pounds(line.pence),
            )
            for place, line in enumerate(self.invoice.lines)
        ]

    def create(self) -> commands.CreateOrderRequest:
        """The order of what was put into the cart, with the total that the customer was shown."""
        return commands.CreateOrderRequest(
            context=self.context("create"),
            order_id=f"{self.run}-{self.invoice.number}",
            customer_id=self.customer,
            items=[item_of(line) for line in self.invoice.lines],
            total_amount=pounds(sum(line.quantity * line.pence for line in self.invoice.lines)),
            shipping_address=Address(country=self.invoice.country),
            order_time=Timestamp(seconds=int(self.invoice.time.timestamp())),
        )

    def clear(self) -> commands.ClearCartRequest:
        """Empties the cart once the order stands, or was refused."""
        return commands.ClearCartRequest(context=self.context("clear"), user_id=self.customer)

    def cancel(self, whole: Whole) -> commands.CancelOrderRequest:
        """Calls a whole order off."""
        reason = f"Cancelled by invoice {self.invoice.number}"
        return commands.CancelOrderRequest(context=self.context("cancel"), order_id=whole.order_id, reason=reason)

    def changes(self, part: Part) -> Sequence[commands.ChangeOrderItemQuantityRequest]:
        """One for each line of the order that gets less."""
        return [
            commands.ChangeOrderItemQuantityRequest(
                context=self.context(f"change-{place}"),
                order_id=part.order_id,
                product_id=code,
                quantity=quantity,
                price=pounds(pence),
            )
            for place, ((code, pence), quantity) in enumerate(part.left)
        ]

    def context(self, step: str) -> CommandContext:
        """The id of the command of this step; all of the invoice's are told by its correlation id."""
        cause = f"{self.run}-{self.invoice.number}"
        return CommandContext(command_id=f"{cause}-{step}", correlation_id=cause)


def item_of(line: Line) -> OrderItem:
    """A line of an order."""
    return OrderItem(
        product_id=line.code, product_name=line.description, quantity=line.quantity, price=pounds(line.pence)
    )


def pounds(pence: int) -> Money:
    """An amount in the shop's currency."""
    return Money(minor_units=pence, currency_code=CURRENCY)
