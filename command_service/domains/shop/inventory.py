"""Step 4: UpdateInventory: the stock of an order leaves at once, without having been reserved."""

from collections.abc import Sequence

from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_WRONG_MOMENT
from cqrs.shop.v1.events_pb2 import InventoryUpdated, StockReservationRejected
from cqrs.shop.v1.stock_commands_pb2 import UpdateInventoryRequest
from cqrs.shop.v1.types_pb2 import FULFILMENT_PLAIN

from command_service.decider import QUIET, Decision, happened
from command_service.domains.shop.calling_off import to_cancel
from command_service.domains.shop.order_state import Order
from command_service.domains.shop.refusal import refuse
from command_service.domains.shop.reservation import are_the_same, ended, moved
from command_service.domains.shop.reservation_state import Reservation, Stage
from command_service.domains.shop.stock_moves import reduced, suffices
from command_service.domains.shop.stock_state import Stock
from runtime.refusals import Refused


def update(command: UpdateInventoryRequest, reservation: Reservation, order: Order, stock: Sequence[Stock]) -> Decision:
    """All lines leave, or none; the same again is quiet. An order that is paid already is cancelled instead."""
    if reservation.stage is not Stage.NONE:
        are_the_same(reservation, command.lines)
        if reservation.stage is Stage.HELD:
            text = "The order's stock is reserved: commit the reservation instead"
            raise refuse(SHOP_ERROR_WRONG_MOMENT, text)
        if reservation.stage is Stage.ENDED:
            raise ended()
        return QUIET
    try:
        for line, item in zip(command.lines, stock, strict=True):
            suffices(line, item)
    except Refused as refused:
        if order.fulfilment != FULFILMENT_PLAIN:
            raise
        return _rejected(command.order_id, refused.text)
    decision = moved(
        InventoryUpdated(order_id=command.order_id, lines=command.lines),
        command.order_id,
        command.lines,
        stock,
        reduced,
    )
    return Decision(events=(decision.events[0], (), *decision.events[1:]))


def _rejected(order_id: str, reason: str) -> Decision:
    return happened(StockReservationRejected(order_id=order_id, reason=reason), commands=(to_cancel(order_id, reason),))
