"""Step 4: stock: which command reads which streams, and leads to what."""

from typing import Any, assert_never

from cqrs.shop.v1 import stock_commands_pb2 as commands

from command_service.decider import Aggregate, Context, Decider, Decision
from command_service.domains.shop import inventory, reservation, stock_items
from command_service.domains.shop.order_events import ORDER
from command_service.domains.shop.reservation_state import RESERVATION
from command_service.domains.shop.stock_state import STOCK

ItemCommand = (
    commands.RegisterStockItemRequest
    | commands.ReceiveStockRequest
    | commands.AdjustStockRequest
    | commands.SetReorderPointRequest
)
ReservationCommand = (
    commands.ReserveStockRequest
    | commands.ReleaseReservationRequest
    | commands.CommitReservationRequest
    | commands.ExpireReservationRequest
    | commands.UpdateInventoryRequest
)


def decide(command: ItemCommand | ReservationCommand, context: Context, first: Any, *others: Any) -> Decision:
    """What the command leads to; raises Refused. The states are those of `reads`, in its order."""
    match command:
        case commands.RegisterStockItemRequest():
            return stock_items.register(command, first)
        case commands.ReceiveStockRequest():
            return stock_items.receive(command, first)
        case commands.AdjustStockRequest():
            return stock_items.adjust(command, first)
        case commands.SetReorderPointRequest():
            return stock_items.set_reorder_point(command, first)
        case commands.ReserveStockRequest():
            return reservation.reserve(command, context, first, others)
        case commands.ReleaseReservationRequest():
            return reservation.release(command, first, others)
        case commands.CommitReservationRequest():
            return reservation.commit(command, first, others)
        case commands.ExpireReservationRequest():
            return reservation.expire(command, context, first, others)
        case commands.UpdateInventoryRequest():
            return inventory.update(command, first, others[0], others[1:])
        case _:
            assert_never(command)


def reads(command: Any, context: Context) -> tuple[tuple[Aggregate, str], ...]:
    """One stock item; or the order's reservation and each stock item of the lines, whose versions are all checked, so
    that no race takes more than there is."""
    if isinstance(command, ItemCommand):
        return ((STOCK, command.sku),)
    order = ((ORDER, command.order_id),) if isinstance(command, commands.UpdateInventoryRequest) else ()
    return ((RESERVATION, command.order_id), *order, *((STOCK, line.sku) for line in command.lines))


STOCKS = Decider(service="cqrs.shop.v1.StockCommandService", reads=reads, decide=decide)
