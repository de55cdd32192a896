"""Step 4: the commands on one stock item: it is registered, received, counted, and told when it runs low."""

from dataclasses import replace

from cqrs.shop.v1.errors_pb2 import (
    SHOP_ERROR_AMOUNT_TOO_LARGE,
    SHOP_ERROR_STOCK_ITEM_ALREADY_EXISTS,
    SHOP_ERROR_STOCK_ITEM_NOT_FOUND,
    SHOP_ERROR_STOCK_RESERVED,
)
from cqrs.shop.v1.events_pb2 import ReorderPointSet, StockAdjusted, StockItemRegistered, StockReceived, StockRunLow
from cqrs.shop.v1.stock_commands_pb2 import (
    AdjustStockRequest,
    ReceiveStockRequest,
    RegisterStockItemRequest,
    SetReorderPointRequest,
)
from google.protobuf.message import Message

from command_service.decider import QUIET, Decision, happened
from command_service.domains.shop.refusal import LARGEST_STOCK, refuse
from command_service.domains.shop.stock_state import Stock


def exists(stock: Stock, sku: str) -> None:
    """The stock item was registered."""
    if not stock.known:
        raise refuse(SHOP_ERROR_STOCK_ITEM_NOT_FOUND, f"Stock item {sku} does not exist")


def running_low(sku: str, before: Stock, after: Stock) -> tuple[Message, ...]:
    """The event of an item that has just come down to its reorder point; none when it has not, or had before."""
    return (StockRunLow(sku=sku, level=after.level),) if after.low and not before.low else ()


def register(command: RegisterStockItemRequest, stock: Stock) -> Decision:
    """A new stock item; the same again is quiet, also after its stock has moved."""
    asked = (command.name, command.on_hand, command.reorder_point)
    if stock.known:
        if stock.registered == asked:
            return QUIET
        text = f"Stock item {command.sku} already exists"
        raise refuse(SHOP_ERROR_STOCK_ITEM_ALREADY_EXISTS, text)
    after = Stock(True, command.on_hand, 0, command.reorder_point, asked)
    registered = StockItemRegistered(sku=command.sku, name=command.name, level=after.level)
    return happened(registered, *running_low(command.sku, stock, after))


def receive(command: ReceiveStockRequest, stock: Stock) -> Decision:
    """More of it."""
    exists(stock, command.sku)
    after = replace(stock, on_hand=stock.on_hand + command.quantity)
    if after.on_hand > LARGEST_STOCK:
        text = f"There cannot be more than {LARGEST_STOCK} of a stock item"
        raise refuse(SHOP_ERROR_AMOUNT_TOO_LARGE, text, field="quantity")
    return happened(StockReceived(sku=command.sku, quantity=command.quantity, level=after.level))


def adjust(command: AdjustStockRequest, stock: Stock) -> Decision:
    """What was counted; the number that is known is quiet."""
    exists(stock, command.sku)
    if command.count == stock.on_hand:
        return QUIET
    if command.count < stock.reserved:
        text = f"{stock.reserved} of {command.sku} are reserved, {command.count} were counted"
        raise refuse(SHOP_ERROR_STOCK_RESERVED, text)
    after = replace(stock, on_hand=command.count)
    adjusted = StockAdjusted(
        sku=command.sku,
        previous_count=stock.on_hand,
        count=command.count,
        reason=command.reason,
        level=after.level,
    )
    return happened(adjusted, *running_low(command.sku, stock, after))


def set_reorder_point(command: SetReorderPointRequest, stock: Stock) -> Decision:
    """Another number at which it runs low; the one that it has is quiet."""
    exists(stock, command.sku)
    if command.reorder_point == stock.reorder_point:
        return QUIET
    after = replace(stock, reorder_point=command.reorder_point)
    changed = ReorderPointSet(sku=command.sku, level=after.level)
    return happened(changed, *running_low(command.sku, stock, after))
