"""Step 4: the commands on what an order has reserved: one decision over it and every stock item it names."""

from collections.abc import Callable, Sequence

from cqrs.shop.v1.errors_pb2 import (
    SHOP_ERROR_RESERVATION_DIFFERS,
    SHOP_ERROR_RESERVATION_ENDED,
    SHOP_ERROR_RESERVATION_NOT_EXPIRED,
    SHOP_ERROR_RESERVATION_NOT_FOUND,
)
from cqrs.shop.v1.events_pb2 import (
    StockReservationCommitted,
    StockReservationExpired,
    StockReservationReleased,
    StockReserved,
)
from cqrs.shop.v1.stock_commands_pb2 import (
    CommitReservationRequest,
    ExpireReservationRequest,
    ReleaseReservationRequest,
    ReserveStockRequest,
)
from cqrs.shop.v1.types_pb2 import StockLine
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.decider import QUIET, Context, Decision
from command_service.domains.shop.refusal import refuse
from command_service.domains.shop.reservation_state import Reservation, Stage, lines_of
from command_service.domains.shop.stock_moves import allocated, deallocated, returned, suffices, taken
from command_service.domains.shop.stock_state import Stock

Move = Callable[[str, StockLine, Stock], tuple[Message, ...]]


def moved(first: Message, order_id: str, lines: Sequence[StockLine], stock: Sequence[Stock], move: Move) -> Decision:
    """The decision of an event of the reservation, and a move of each stock item."""
    moves = (move(order_id, line, item) for line, item in zip(lines, stock, strict=True))
    return Decision(events=((first,), *moves))


def reserve(
    command: ReserveStockRequest, context: Context, reservation: Reservation, stock: Sequence[Stock]
) -> Decision:
    """All lines, or none; the same again is quiet."""
    if reservation.stage is not Stage.NONE:
        are_the_same(reservation, command.lines)
        if reservation.stage is Stage.ENDED:
            raise ended()
        return QUIET
    for line, item in zip(command.lines, stock, strict=True):
        suffices(line, item)
    expire_time = None
    if command.HasField("ttl"):
        expire_time = Timestamp()
        expire_time.FromNanoseconds(context.time.ToNanoseconds() + command.ttl.ToNanoseconds())
    reserved = StockReserved(order_id=command.order_id, lines=command.lines, expire_time=expire_time)
    return moved(reserved, command.order_id, command.lines, stock, allocated)


def release(command: ReleaseReservationRequest, reservation: Reservation, stock: Sequence[Stock]) -> Decision:
    """Nothing is reserved any more, nor will be: also where nothing was yet, so that what comes late is refused."""
    released = StockReservationReleased(order_id=command.order_id)
    match reservation.stage:
        case Stage.ENDED:
            return QUIET
        case Stage.NONE:
            return Decision(events=((released,),))
        case Stage.HELD | Stage.COMMITTED:
            are_the_same(reservation, command.lines)
            released.lines.extend(command.lines)
            move = deallocated if reservation.stage is Stage.HELD else returned
            return moved(released, command.order_id, command.lines, stock, move)


def commit(command: CommitReservationRequest, reservation: Reservation, stock: Sequence[Stock]) -> Decision:
    """What is reserved leaves; once that it has, quiet."""
    if reservation.stage is Stage.NONE:
        raise refuse(SHOP_ERROR_RESERVATION_NOT_FOUND, "The order has no reservation")
    if reservation.stage is Stage.ENDED:
        raise ended()
    are_the_same(reservation, command.lines)
    if reservation.stage is Stage.COMMITTED:
        return QUIET
    committed = StockReservationCommitted(order_id=command.order_id, lines=command.lines)
    return moved(committed, command.order_id, command.lines, stock, taken)


def expire(
    command: ExpireReservationRequest, context: Context, reservation: Reservation, stock: Sequence[Stock]
) -> Decision:
    """Taken away once its time is over; quiet when it has ended otherwise, or left."""
    if reservation.stage is not Stage.HELD:
        return QUIET
    are_the_same(reservation, command.lines)
    due = reservation.expire_time
    if due is None or due.ToNanoseconds() > context.time.ToNanoseconds():
        text = "The reservation has no end" if due is None else f"The reservation is kept until {due.ToJsonString()}"
        raise refuse(SHOP_ERROR_RESERVATION_NOT_EXPIRED, text)
    expired = StockReservationExpired(order_id=command.order_id, lines=command.lines)
    return moved(expired, command.order_id, command.lines, stock, deallocated)


def are_the_same(reservation: Reservation, lines: Sequence[StockLine]) -> None:
    """The lines are those that the reservation was made with, where there are any."""
    if reservation.lines and lines_of(lines) != reservation.lines:
        raise refuse(SHOP_ERROR_RESERVATION_DIFFERS, "The order has a reservation of other lines")


def ended() -> Exception:
    """The refusal of what comes after the end."""
    return refuse(SHOP_ERROR_RESERVATION_ENDED, "The order's reservation has ended")
