"""Stock items and reservations: what each command does, when it is refused, when it is quiet."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1 import stock_commands_pb2 as commands
from cqrs.shop.v1.types_pb2 import StockLine
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given as anything
from hypothesis import settings
from hypothesis import strategies as st
from protovalidate import ValidationError, validate

from tests.shop.fulfilment_messages import level, line, register, reserve
from tests.shop.given import NOW, given, given_streams
from tests.shop.messages import ORDER_ID
from tests.shop.world import World

SKU = "product-abc"
REGISTERED = events.StockItemRegistered(sku=SKU, name="", level=level(10))
WATCHED = events.StockItemRegistered(sku=SKU, name="", level=level(10, reorder_point=8))
UNKNOWN = ("NOT_FOUND", "STOCK_ITEM_NOT_FOUND", f"Stock item {SKU} does not exist")
ENDED = ("FAILED_PRECONDITION", "RESERVATION_ENDED", "The order's reservation has ended")
DIFFERS = ("FAILED_PRECONDITION", "RESERVATION_DIFFERS", "The order has a reservation of other lines")
HELD = events.StockReserved(order_id=ORDER_ID, lines=[line(quantity=3)])
RELEASED = events.StockReservationReleased(order_id=ORDER_ID, lines=[line(quantity=3)])
COMMITTED = events.StockReservationCommitted(order_id=ORDER_ID, lines=[line(quantity=3)])
WHAT: Any = {"order_id": ORDER_ID, "lines": [line(quantity=3)]}
OTHER: Any = {"order_id": ORDER_ID, "lines": [line(quantity=4)]}
MOVE: Any = {"sku": SKU, "order_id": ORDER_ID, "quantity": 3}
RELEASE, COMMIT = commands.ReleaseReservationRequest(**WHAT), commands.CommitReservationRequest(**WHAT)
UPDATE = commands.UpdateInventoryRequest(**WHAT)


def streams(reservation: Sequence[Message], *stock: Message) -> dict[str, Sequence[Message]]:
    return {f"shop.reservation-{ORDER_ID}": reservation, f"shop.stock-{SKU}": stock}


def low(on_hand: int, reserved: int = 0, at: int = 8) -> events.StockRunLow:
    return events.StockRunLow(sku=SKU, level=level(on_hand, reserved, at))


def test_a_stock_item_is_registered_once_and_the_same_again_is_quiet() -> None:
    given().when(register(on_hand=10)).then(REGISTERED)
    received = events.StockReceived(sku=SKU, quantity=5, level=level(15))
    given(REGISTERED, received).when(register(on_hand=10)).then_quiet()
    refusal = ("ALREADY_EXISTS", "STOCK_ITEM_ALREADY_EXISTS", f"Stock item {SKU} already exists")
    given(REGISTERED, received).when(register(on_hand=15)).then_refused(*refusal)


def test_stock_is_received_each_time() -> None:
    receive = commands.ReceiveStockRequest(sku=SKU, quantity=5)
    given(REGISTERED).when(receive).then(events.StockReceived(sku=SKU, quantity=5, level=level(15)))
    given().when(receive).then_refused(*UNKNOWN)
    full = events.StockItemRegistered(sku=SKU, level=level(10**12))
    text = "There cannot be more than 1000000000000 of a stock item"
    given(full).when(receive).then_refused("INVALID_ARGUMENT", "AMOUNT_TOO_LARGE", text)


def test_stock_is_set_to_what_was_counted_but_not_below_what_is_reserved() -> None:
    adjust = commands.AdjustStockRequest(sku=SKU, count=2, reason="broken")
    adjusted = events.StockAdjusted(sku=SKU, previous_count=10, count=2, reason="broken", level=level(2))
    given(REGISTERED).when(adjust).then(adjusted)
    given(REGISTERED, adjusted).when(adjust).then_quiet()
    given().when(adjust).then_refused(*UNKNOWN)
    allocated = events.StockAllocated(**MOVE, level=level(10, 3))
    text = f"3 of {SKU} are reserved, 2 were counted"
    given(REGISTERED, allocated).when(adjust).then_refused("FAILED_PRECONDITION", "STOCK_RESERVED", text)


def test_an_item_runs_low_once_for_each_time_that_it_comes_down_to_its_reorder_point() -> None:
    point = commands.SetReorderPointRequest(sku=SKU, reorder_point=8)
    reached = events.ReorderPointSet(sku=SKU, level=level(10, reorder_point=8))
    given(REGISTERED).when(point).then(reached)
    given(WATCHED).when(point).then_quiet()
    given().when(point).then_refused(*UNKNOWN)
    few = commands.AdjustStockRequest(sku=SKU, count=7, reason="counted")
    adjusted = events.StockAdjusted(sku=SKU, previous_count=10, count=7, reason="counted", level=level(7, 0, 8))
    given(WATCHED).when(few).then(adjusted, low(7))
    fewer = commands.AdjustStockRequest(sku=SKU, count=6, reason="counted")
    again = events.StockAdjusted(sku=SKU, previous_count=7, count=6, reason="counted", level=level(6, 0, 8))
    given(WATCHED, adjusted).when(fewer).then(again)
    all_of_them = commands.SetReorderPointRequest(sku=SKU, reorder_point=10)
    given(REGISTERED).when(all_of_them).then(
        events.ReorderPointSet(sku=SKU, level=level(10, reorder_point=10)), low(10, at=10)
    )


def test_all_lines_are_reserved_over_every_stock_item_at_once() -> None:
    command = reserve(line("a", 2), line("b", 1))
    a, b = (events.StockItemRegistered(sku=sku, level=level(2, reorder_point=1)) for sku in "ab")
    given_streams({"shop.stock-a": [a], "shop.stock-b": [b]}).when(command).then_streams(
        [events.StockReserved(order_id=ORDER_ID, lines=[line("a", 2), line("b", 1)])],
        [
            events.StockAllocated(sku="a", order_id=ORDER_ID, quantity=2, level=level(2, 2, 1)),
            events.StockRunLow(sku="a", level=level(2, 2, 1)),
        ],
        [
            events.StockAllocated(sku="b", order_id=ORDER_ID, quantity=1, level=level(2, 1, 1)),
            events.StockRunLow(sku="b", level=level(2, 1, 1)),
        ],
    )


def test_what_is_not_there_in_full_is_not_reserved_at_all() -> None:
    a = events.StockItemRegistered(sku="a", level=level(2))
    text = "Insufficient stock for a: 2 available, 3 requested"
    given_streams({"shop.stock-a": [a]}).when(reserve(line("a", 3))).then_refused(
        "FAILED_PRECONDITION", "INSUFFICIENT_STOCK", text
    )
    given_streams({"shop.stock-a": [a]}).when(reserve(line("a"), line("b"))).then_refused(
        "NOT_FOUND", "STOCK_ITEM_NOT_FOUND", "Stock item b does not exist"
    )


def test_the_same_reservation_again_is_quiet_and_another_is_refused() -> None:
    before = streams([HELD], REGISTERED, events.StockAllocated(**MOVE, level=level(10, 3)))
    given_streams(before).when(reserve(line(quantity=3))).then_quiet()
    given_streams(before).when(reserve(line(quantity=4))).then_refused(*DIFFERS)
    given_streams(streams([HELD, RELEASED], REGISTERED)).when(reserve(line(quantity=3))).then_refused(*ENDED)


def test_a_released_reservation_gives_back_what_it_holds_or_what_has_left() -> None:
    held = streams([HELD], REGISTERED, events.StockAllocated(**MOVE, level=level(10, 3)))
    deallocated = events.StockDeallocated(**MOVE, level=level(10))
    given_streams(held).when(RELEASE).then_streams([RELEASED], [deallocated])
    left = streams([HELD, COMMITTED], REGISTERED, events.StockReduced(**MOVE, level=level(7)))
    returned = events.StockReturned(**MOVE, level=level(10))
    given_streams(left).when(RELEASE).then_streams([RELEASED], [returned])
    given_streams(streams([HELD, RELEASED], REGISTERED)).when(RELEASE).then_quiet()
    given_streams(held).when(commands.ReleaseReservationRequest(**OTHER)).then_refused(*DIFFERS)


def test_releasing_what_was_never_reserved_refuses_what_comes_late() -> None:
    nothing = events.StockReservationReleased(order_id=ORDER_ID)
    given_streams(streams([], REGISTERED)).when(RELEASE).then_streams([nothing])
    for late in (reserve(line(quantity=3)), UPDATE, COMMIT):
        given_streams(streams([nothing], REGISTERED)).when(late).then_refused(*ENDED)


def test_committed_stock_leaves_once() -> None:
    held = streams([HELD], REGISTERED, events.StockAllocated(**MOVE, level=level(10, 3)))
    given_streams(held).when(COMMIT).then_streams([COMMITTED], [events.StockReduced(**MOVE, level=level(7))])
    given_streams(streams([HELD, COMMITTED], REGISTERED)).when(COMMIT).then_quiet()
    given_streams(held).when(commands.CommitReservationRequest(**OTHER)).then_refused(*DIFFERS)
    given_streams(streams([], REGISTERED)).when(COMMIT).then_refused(
        "NOT_FOUND", "RESERVATION_NOT_FOUND", "The order has no reservation"
    )


def test_a_reservation_expires_after_its_time_and_not_before() -> None:
    expire = commands.ExpireReservationRequest(**WHAT)

    def kept_until(seconds: int) -> dict[str, Sequence[Message]]:
        held = events.StockReserved(**WHAT, expire_time=Timestamp(seconds=NOW.seconds + seconds))
        return streams([held], REGISTERED, events.StockAllocated(**MOVE, level=level(10, 3)))

    expired = events.StockReservationExpired(**WHAT)
    given_streams(kept_until(0)).when(expire).then_streams(
        [expired], [events.StockDeallocated(**MOVE, level=level(10))]
    )
    text = "The reservation is kept until 2023-11-14T22:13:21Z"
    given_streams(kept_until(1)).when(expire).then_refused("FAILED_PRECONDITION", "RESERVATION_NOT_EXPIRED", text)
    given_streams(streams([HELD], REGISTERED)).when(expire).then_refused(
        "FAILED_PRECONDITION", "RESERVATION_NOT_EXPIRED", "The reservation has no end"
    )
    for ended in ([HELD, RELEASED], [HELD, COMMITTED], []):
        given_streams(streams(ended, REGISTERED)).when(expire).then_quiet()


async def test_a_reservation_with_an_end_is_taken_away_by_its_timer_unless_it_has_ended_before() -> None:
    ttl = Duration(seconds=90)
    world = await World().only(register(on_hand=10), reserve(line(quantity=3), ttl=ttl))
    assert world.timers == {("shop.expiry", ORDER_ID, "expire"): 90}
    await world.only(RELEASE)
    assert not world.timers
    world = await World().only(register(on_hand=10), reserve(line(quantity=3)))
    assert not world.timers


def test_stock_leaves_at_once_where_nothing_was_reserved() -> None:
    updated = events.InventoryUpdated(**WHAT)
    given_streams(streams([], REGISTERED)).when(UPDATE).then_streams(
        [updated], [], [events.StockReduced(**MOVE, level=level(7))]
    )
    given_streams(streams([updated], REGISTERED)).when(UPDATE).then_quiet()
    given_streams(streams([updated], REGISTERED)).when(commands.UpdateInventoryRequest(**OTHER)).then_refused(*DIFFERS)
    given_streams(streams([HELD], REGISTERED)).when(UPDATE).then_refused(
        "FAILED_PRECONDITION", "WRONG_MOMENT", "The order's stock is reserved: commit the reservation instead"
    )
    few = events.StockItemRegistered(sku=SKU, level=level(2))
    given_streams(streams([], few)).when(UPDATE).then_refused(
        "FAILED_PRECONDITION", "INSUFFICIENT_STOCK", f"Insufficient stock for {SKU}: 2 available, 3 requested"
    )


@pytest.mark.parametrize("lines", [[], [line("a"), line("a")]])
def test_a_reservation_names_each_stock_item_once(lines: list[StockLine]) -> None:
    with pytest.raises(ValidationError):
        validate(commands.ReserveStockRequest(order_id=ORDER_ID, lines=lines))


def test_the_largest_order_of_a_real_day_fits_into_one_decision() -> None:
    skus = [f"sku-{number:05}" for number in range(1_000)]
    before = {f"shop.stock-{sku}": [events.StockItemRegistered(sku=sku, level=level(9))] for sku in skus}
    reserved, *moves = given_streams(before).when(reserve(*map(line, skus))).streams()
    assert len(moves) == 1_000
    assert sum(event.ByteSize() for event in reserved) < 64 * 1024


ORDERS = [f"order-{number}" for number in range(3)]
COMMANDS = st.one_of(
    st.builds(
        lambda kind, order, a, b: kind(order_id=order, lines=[line("a", a), line("b", b)]),
        st.sampled_from(
            [
                commands.ReserveStockRequest,
                commands.ReleaseReservationRequest,
                commands.CommitReservationRequest,
                commands.UpdateInventoryRequest,
            ]
        ),
        st.sampled_from(ORDERS),
        st.integers(1, 3),
        st.just(1),
    ),
    st.builds(commands.AdjustStockRequest, sku=st.just("a"), count=st.integers(0, 5), reason=st.just("counted")),
    st.builds(commands.ReceiveStockRequest, sku=st.just("a"), quantity=st.integers(1, 2)),
)


# promise 000-38
@settings(max_examples=150, deadline=None)
@anything(st.lists(COMMANDS, max_size=25))
def test_no_commands_make_stock_negative_or_lose_any(sent: list[Message]) -> None:
    async def all_of_them() -> World:
        world = await World().only(register("a", 4), register("b", 4))
        for command in sent:
            await world.only(command)
            for event in world.events:
                assert event.level.on_hand >= event.level.reserved >= 0 if hasattr(event, "level") else True
        return world

    world = asyncio.run(all_of_them())
    held = [state for name, state in world.states.items() if name.startswith("shop.reservation-")]
    for sku in "ab":
        reserved = sum(dict(state.lines)[sku] for state in held if state.stage.value == "held")
        assert world.states[f"shop.stock-{sku}"].reserved == reserved
