"""Step 4: what an order does to one stock item: the events of the item's own stream."""

from dataclasses import replace

from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_INSUFFICIENT_STOCK
from cqrs.shop.v1.events_pb2 import StockAllocated, StockDeallocated, StockReduced, StockReturned
from cqrs.shop.v1.types_pb2 import StockLine
from google.protobuf.message import Message

from command_service.domains.shop.refusal import refuse
from command_service.domains.shop.stock_items import exists, running_low
from command_service.domains.shop.stock_state import Stock


def suffices(line: StockLine, stock: Stock) -> None:
    """So many are available."""
    exists(stock, line.sku)
    if line.quantity > stock.available:
        text = f"Insufficient stock for {line.sku}: {stock.available} available, {line.quantity} requested"
        raise refuse(SHOP_ERROR_INSUFFICIENT_STOCK, text, sku=line.sku)


def allocated(order_id: str, line: StockLine, stock: Stock) -> tuple[Message, ...]:
    """Set aside."""
    after = replace(stock, reserved=stock.reserved + line.quantity)
    event = StockAllocated(sku=line.sku, order_id=order_id, quantity=line.quantity, level=after.level)
    return (event, *running_low(line.sku, stock, after))


def deallocated(order_id: str, line: StockLine, stock: Stock) -> tuple[Message, ...]:
    """Set aside no longer."""
    after = replace(stock, reserved=stock.reserved - line.quantity)
    return (StockDeallocated(sku=line.sku, order_id=order_id, quantity=line.quantity, level=after.level),)


def taken(order_id: str, line: StockLine, stock: Stock) -> tuple[Message, ...]:
    """What was set aside leaves: as many are available as before."""
    after = replace(stock, on_hand=stock.on_hand - line.quantity, reserved=stock.reserved - line.quantity)
    return (StockReduced(sku=line.sku, order_id=order_id, quantity=line.quantity, level=after.level),)


def reduced(order_id: str, line: StockLine, stock: Stock) -> tuple[Message, ...]:
    """What was not set aside leaves."""
    after = replace(stock, on_hand=stock.on_hand - line.quantity)
    event = StockReduced(sku=line.sku, order_id=order_id, quantity=line.quantity, level=after.level)
    return (event, *running_low(line.sku, stock, after))


def returned(order_id: str, line: StockLine, stock: Stock) -> tuple[Message, ...]:
    """What had left is back."""
    after = replace(stock, on_hand=stock.on_hand + line.quantity)
    return (StockReturned(sku=line.sku, order_id=order_id, quantity=line.quantity, level=after.level),)
