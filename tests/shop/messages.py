"""Short ways to write the shop's messages down in tests."""

from typing import Any

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import OrderItem

USER = "user-123"
ORDER_ID = "order-1"


def eur(minor_units: int, currency: str = "EUR") -> Money:
    return Money(minor_units=minor_units, currency_code=currency)


def item(product: str = "product-abc", quantity: int = 1, price: int = 1999, currency: str = "EUR") -> OrderItem:
    return OrderItem(product_id=product, product_name=f"The {product}", quantity=quantity, price=eur(price, currency))


def created(*items: OrderItem, **fields: Any) -> events.OrderCreated:
    """An order of these items (of one line where none are given), total included."""
    lines = items or (item(),)
    total = sum(each.quantity * each.price.minor_units for each in lines)
    known = {"order_id": ORDER_ID, "customer_id": "user-123", "total_amount": eur(total, lines[0].price.currency_code)}
    return events.OrderCreated(**{**known, **fields}, items=lines)


def create(*items: OrderItem, **fields: Any) -> commands.CreateOrderRequest:
    return commands.CreateOrderRequest(**{"order_id": ORDER_ID, "customer_id": "user-123", **fields}, items=items)


def added(item_id: str = "product-abc", quantity: int = 1, price: int = 1999, currency: str = "EUR") -> Any:
    return events.ItemAddedToCart(user_id=USER, item_id=item_id, quantity=quantity, price=eur(price, currency))


def add(item_id: str = "product-abc", quantity: int = 1, price: int = 1999, currency: str = "EUR") -> Any:
    return commands.AddItemToCartRequest(user_id=USER, item_id=item_id, quantity=quantity, price=eur(price, currency))
