"""Step 8: what an order sells of each product, however many of its lines the product is on."""

from collections.abc import Iterable
from dataclasses import dataclass

from cqrs.shop.v1.types_pb2 import OrderItem


@dataclass(frozen=True, slots=True)
class Sold:
    """A product in one order."""

    product_id: str
    currency_code: str
    product_name: str
    """The last that is not empty."""
    quantity: int
    revenue: int
    """The sum of quantity times price, in the currency's minor unit."""


def sold_of(items: Iterable[OrderItem]) -> tuple[Sold, ...]:
    """Each product of an order once, in the order of its first line."""
    sold: dict[tuple[str, str], Sold] = {}
    for item in items:
        key = (item.product_id, item.price.currency_code)
        before = sold.get(key, Sold(*key, "", 0, 0))
        name = item.product_name or before.product_name
        revenue = before.revenue + item.quantity * item.price.minor_units
        sold[key] = Sold(*key, name, before.quantity + item.quantity, revenue)
    return tuple(sold.values())
