"""Step 4: an order as its rules see it, and what becomes of its lines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_UNSPECIFIED,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_UNSPECIFIED,
    Fulfilment,
    OrderItem,
    OrderStatus,
    StockLine,
)
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.domains.shop.lines import Line, Lines, amount, line, with_more, without


@dataclass(frozen=True, slots=True)
class Order:
    """An order; one that was never created has no status."""

    status: OrderStatus.ValueType = ORDER_STATUS_UNSPECIFIED
    currency: str = ""
    """Of every line."""
    lines: Lines = field(default_factory=dict)
    names: Mapping[Line, str] = field(default_factory=dict)
    """The product's name on each line: the one that the line was first given."""
    address: bytes = b""
    """The shipping address, serialised: it is only ever compared."""
    tracking_number: str = ""
    """Empty until it is shipped."""
    cancel_reason: str = ""
    fulfilment: Fulfilment.ValueType = FULFILMENT_UNSPECIFIED
    """Who carries it on; unspecified for an order that was created and not placed."""
    email: str = ""
    """Where its customer is notified."""
    order_time: Timestamp | None = None
    """When its customer ordered; the day that it counts for."""

    @property
    def placed(self) -> bool:
        """Whether it is paid for and fulfilled, not merely created."""
        return self.fulfilment != FULFILMENT_UNSPECIFIED

    @property
    def total(self) -> Money:
        """The sum of the lines."""
        return Money(minor_units=amount(self.lines, self.currency), currency_code=self.currency)

    @property
    def items(self) -> list[OrderItem]:
        """The lines as events hold them."""
        return [
            OrderItem(product_id=each.item_id, product_name=self.names[each], quantity=quantity, price=each.price)
            for each, quantity in self.lines.items()
        ]

    @property
    def stock_lines(self) -> list[StockLine]:
        """What it takes of each stock item, by SKU; a product at several prices is one of them."""
        sums: dict[str, int] = {}
        for each, quantity in self.lines.items():
            sums[each.item_id] = sums.get(each.item_id, 0) + quantity
        return [StockLine(sku=sku, quantity=sums[sku]) for sku in sorted(sums)]

    def __str__(self) -> str:
        status = spelled_status(self.status)
        return f"Order(status={status}, lines={len(self.lines)}, items={sum(self.lines.values())})"


def spelled_status(status: OrderStatus.ValueType) -> str:
    """A status as texts spell it: "pending"."""
    return OrderStatus.Name(status).removeprefix("ORDER_STATUS_").lower()


def of_items(items: Iterable[OrderItem], currency: str, address: bytes = b"") -> Order:
    """A new, pending order of these items, all in one currency."""
    lines, names = _joined(items)
    return Order(ORDER_STATUS_PENDING, currency, lines, names, address)


def with_items(order: Order, items: Iterable[OrderItem]) -> Order:
    """The order with these lines instead of its own."""
    lines, names = _joined(items)
    return replace(order, lines=lines, names=names)


def _joined(items: Iterable[OrderItem]) -> tuple[Lines, Mapping[Line, str]]:
    """Lines and names; the same product at the same price is one line."""
    lines: dict[Line, int] = {}
    names: dict[Line, str] = {}
    for item in items:
        added = line(item.product_id, item.price)
        lines[added] = lines.get(added, 0) + item.quantity
        names.setdefault(added, item.product_name)
    return lines, names


def with_item(order: Order, item: OrderItem) -> Order:
    """The order after an item joined its line, or came as the last one."""
    added = line(item.product_id, item.price)
    lines = with_more(order.lines, added, item.quantity)
    return replace(order, lines=lines, names={added: item.product_name, **order.names})


def without_lines(order: Order, removed: Iterable[Line]) -> Order:
    """The order after lines were taken off."""
    lines = without(order.lines, removed)
    return replace(order, lines=lines, names={each: order.names[each] for each in lines})
