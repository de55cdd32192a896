"""Short ways to write the messages of a fulfilment down in tests."""

from typing import Any

from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1 import payment_commands_pb2 as payments
from cqrs.shop.v1 import stock_commands_pb2 as stock
from cqrs.shop.v1.types_pb2 import FULFILMENT_SAGA, OrderItem, PaymentMethod, StockLevel, StockLine

from tests.shop.messages import ORDER_ID, USER, created, eur, item

EMAIL = "ada@example.org"


def method(token: str = "tok_ok") -> PaymentMethod:
    return PaymentMethod(token=token, last_four="4242")


def line(sku: str = "product-abc", quantity: int = 1) -> StockLine:
    return StockLine(sku=sku, quantity=quantity)


def level(on_hand: int, reserved: int = 0, reorder_point: int = 0) -> StockLevel:
    return StockLevel(on_hand=on_hand, reserved=reserved, available=on_hand - reserved, reorder_point=reorder_point)


def place(*items: OrderItem, token: str = "tok_ok", **fields: Any) -> commands.PlaceOrderRequest:
    known = {"order_id": ORDER_ID, "user_id": USER, "customer_email": EMAIL, "payment": method(token)}
    return commands.PlaceOrderRequest(**{**known, **fields}, items=items or (item(),))


def placed(*items: OrderItem, token: str = "tok_ok", **fields: Any) -> events.OrderCreated:
    known = {"customer_email": EMAIL, "payment": method(token), "fulfilment": FULFILMENT_SAGA}
    return created(*items, **{**known, **fields})


def register(sku: str = "product-abc", on_hand: int = 10, reorder_point: int = 0) -> stock.RegisterStockItemRequest:
    return stock.RegisterStockItemRequest(sku=sku, name="", on_hand=on_hand, reorder_point=reorder_point)


def reserve(*lines: StockLine, order_id: str = ORDER_ID, **fields: Any) -> stock.ReserveStockRequest:
    return stock.ReserveStockRequest(order_id=order_id, lines=lines or (line(),), **fields)


def authorize(token: str = "tok_ok", amount: int = 1999) -> payments.AuthorizePaymentRequest:
    return payments.AuthorizePaymentRequest(order_id=ORDER_ID, amount=eur(amount), payment=method(token))


def cancel(reason: str = "changed my mind") -> commands.CancelOrderRequest:
    return commands.CancelOrderRequest(order_id=ORDER_ID, reason=reason)
