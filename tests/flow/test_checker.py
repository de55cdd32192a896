"""The checker itself: it has nothing to say of a right history, and finds each wrong one that is planted."""

import hashlib
from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

import pytest
from cqrs.admin.v1 import events_pb2 as admin
from cqrs.common.v1.common_pb2 import CommandReceipt
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_SAGA,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    OrderItem,
    StockLevel,
)
from cqrs.shop.v1.views_pb2 import CartItem, CartView, Customer, OrderView
from google.protobuf.message import Message

from tests.checker import Entry, Snapshot, faults_in_answers, faults_in_log, faults_in_stream, faults_in_views
from tests.closings import faults_in_fulfilment
from tests.running import eur

View = TypeVar("View", OrderView, CartView)
EPOCH = "0192d3a0-0000-7000-8000-000000000001"
ITEM = OrderItem(product_id="p", quantity=3, price=eur(100))
CREATED = events.OrderCreated(order_id="o", customer_id="c", items=[ITEM], total_amount=eur(300))
MOVED = events.OrderStatusChanged(
    order_id="o", previous_status=ORDER_STATUS_PENDING, status=ORDER_STATUS_PROCESSING
)  # fmt: skip
ADDED = events.ItemAddedToCart(user_id="u", item_id="i", quantity=2, price=eur(150))


def record(number: int, stream: str, version: int, event: Message, cause: str = "") -> Record:
    """One record; its command is its own unless named."""
    name, cause = event.DESCRIPTOR.full_name, cause or f"command-{number}"
    return Record(
        id=f"id-{number}", type=name, stream=stream, version=version, data=event.SerializeToString(), causation_id=cause
    )


def chained(records: Iterable[Record], epoch: str = EPOCH) -> list[Entry]:
    """Records at positions 1, 2, … under one chain."""
    chain, entries = hashlib.sha256(UUID(epoch).bytes).digest(), []
    for position, each in enumerate(records, 1):
        data = each.SerializeToString()
        chain = hashlib.sha256(chain + position.to_bytes(8, "big") + data).digest()
        entries.append(Entry(position, data, chain, epoch))
    return entries


RECORDS = [
    record(1, "shop.order-o", 1, CREATED),
    record(2, "shop.cart-u", 1, ADDED),
    record(3, "shop.order-o", 2, MOVED),
]
LOG = chained(RECORDS)
ORDER = OrderView(
    order_id="o", customer=Customer(customer_id="c"), items=[ITEM], total_amount=eur(300), item_count=1,
    status=ORDER_STATUS_PROCESSING, version=2, create_position=1,
)  # fmt: skip
CART = CartView(
    user_id="u", items=[CartItem(item_id="i", quantity=2, price=eur(150))], line_count=1, total_items=2,
    total_prices=[eur(300)], version=1,
)  # fmt: skip
INDEXES = {"orders": {"order:o": 1}, "customer:c": {"order:o": 1}, "customer_status:processing:c": {"order:o": 1}}


def views(
    order: OrderView = ORDER,
    cart: CartView = CART,
    indexes: dict[str, dict[str, int]] = INDEXES,
    at: int = 3,
) -> dict[str, Snapshot]:
    """What the store would hold."""
    chain = LOG[at - 1].chain
    return {
        "shop.carts": Snapshot(EPOCH, at, chain, {"cart:u": cart.SerializeToString()}, {}),
        "shop.orders": Snapshot(EPOCH, at, chain, {"order:o": order.SerializeToString()}, indexes),
    }


def test_a_right_history_is_right() -> None:
    receipt = CommandReceipt(version=2)
    receipt.token.position = 3
    assert not [*faults_in_log(LOG), *faults_in_stream(LOG, LOG), *faults_in_views(LOG, views())]
    assert not [*faults_in_answers(LOG, {"command-3": receipt}, ["command-1", "never"], ["refused"])]


BAD_LOGS: dict[str, tuple[list[Entry], str]] = {
    "a gap": ([LOG[0], LOG[2]], "position 2 is missing"),
    "changed bytes": ([LOG[0], LOG[1]._replace(record=LOG[0].record), LOG[2]], "chain breaks at 2"),
    "two swapped": ([LOG[0], LOG[2]._replace(position=2), LOG[1]._replace(position=3)], "chain breaks at 2"),
    "a chain of another epoch": ([e._replace(epoch=EPOCH[:-1] + "2") for e in LOG], "chain breaks at 1"),
    "a version left out": (chained([RECORDS[0], RECORDS[1], record(3, "shop.order-o", 3, MOVED)]), "version 3 where 2"),
    "a version twice": (chained([RECORDS[0], RECORDS[1], record(3, "shop.order-o", 1, MOVED)]), "version 1 where 2"),
    "a command twice": (
        chained([RECORDS[0], RECORDS[1], record(3, "shop.order-o", 2, MOVED, "command-1")]),
        "command-1 has an effect at 1 and at 3",
    ),
    "a record twice": (chained([RECORDS[0], record(1, "shop.cart-u", 1, ADDED)]), "id-1 is there twice"),
}


@pytest.mark.parametrize("planted", BAD_LOGS)
def test_a_wrong_log_is_found(planted: str) -> None:
    log, said = BAD_LOGS[planted]
    assert said in "\n".join(faults_in_log(log))


@pytest.mark.parametrize(
    "stream",
    [LOG[:2], [*LOG, LOG[2]], [LOG[0], LOG[1], LOG[2]._replace(record=b"")], [LOG[0], *LOG[2:], LOG[1]]],
    ids=["short", "long", "other bytes", "other order"],
)
def test_a_stream_that_is_not_the_log_is_found(stream: list[Entry]) -> None:
    assert [*faults_in_stream(LOG, stream)]


def changed(message: View, change: Callable[..., object]) -> View:
    copy = type(message)()
    copy.CopyFrom(message)
    change(copy)
    return copy


BAD_VIEWS = {
    "an older status": views(order=changed(ORDER, lambda o: setattr(o, "status", ORDER_STATUS_PENDING))),
    "an older version": views(order=changed(ORDER, lambda o: setattr(o, "version", 1))),
    "a quantity twice": views(cart=changed(CART, lambda c: setattr(c.items[0], "quantity", 4))),
    "another sum": views(cart=changed(CART, lambda c: setattr(c.total_prices[0], "minor_units", 299))),
    "a list without the order": views(indexes={**INDEXES, "orders": {}}),
    "the order in two statuses": views(indexes={**INDEXES, "customer_status:pending:c": {"order:o": 1}}),
    "another place in the list": views(indexes={**INDEXES, "orders": {"order:o": 3}}),
    "behind the log": views(at=2),
    "a view lost": {**views(), "shop.carts": views()["shop.carts"]._replace(views={})},
    "a view of nothing": {**views(), "shop.carts": views()["shop.carts"]._replace(views={"cart:x": b""})},
    "another chain": {**views(), "shop.carts": views()["shop.carts"]._replace(chain=b"other")},
    "beyond the log": {**views(), "shop.carts": views()["shop.carts"]._replace(position=4)},
}


@pytest.mark.parametrize("planted", BAD_VIEWS)
def test_wrong_views_are_found(planted: str) -> None:
    assert [*faults_in_views(LOG, BAD_VIEWS[planted])]


def test_a_lost_a_doubled_and_an_unexplained_answer_are_found() -> None:
    beyond, elsewhere = CommandReceipt(version=1), CommandReceipt(version=1)
    beyond.token.position, elsewhere.token.position = 4, 2
    assert "lost" in next(faults_in_answers(LOG, {"command-4": beyond}))
    assert "lost" in next(faults_in_answers(LOG, {"command-1": elsewhere}))
    doubled = chained([*RECORDS, record(4, "shop.cart-u", 2, ADDED, "command-3")])
    assert "twice" in next(faults_in_answers(doubled, {}, ["command-3"]))
    assert "has an effect" in next(faults_in_answers(LOG, {}, refused=["command-2"]))


def accepted(command_id: str, scheduled: bool = False) -> admin.CommandAccepted:
    event = admin.CommandAccepted(command_id=command_id, channel="orders", stream="shop.order-o")
    if scheduled:
        event.due_time.seconds = 1
    return event


def life(*steps: tuple[str, Message, str]) -> list[Entry]:
    """A log of (stream, event, cause), versions counted."""
    versions: dict[str, int] = {}
    records = []
    for number, (stream, event, cause) in enumerate(steps, 1):
        versions[stream] = versions.get(stream, 0) + 1
        records.append(record(number, stream, versions[stream], event, cause))
    return chained(records)


ONE, TWO = ("command-one", accepted("one"), ""), ("command-two", accepted("two"), "somebody")
DONE_ONE = ("command-one", admin.CommandSucceeded(command_id="one"), "one")
DONE_TWO = ("command-two", admin.CommandSucceeded(command_id="two"), "two")
FAILED_ONE = ("command-one", admin.CommandFailed(command_id="one"), "one")
RETRIED_ONE = ("command-one", admin.FailedCommandRetried(command_id="one"), "retry")
CREATED_BY_ONE, MOVED_BY_ONE = ("shop.order-o", CREATED, "one"), ("shop.order-o", MOVED, "one")


@pytest.mark.parametrize(
    "steps",
    [
        [ONE, TWO, CREATED_BY_ONE, DONE_ONE, DONE_TWO],
        [ONE, TWO, CREATED_BY_ONE, DONE_ONE],
        [ONE, FAILED_ONE, RETRIED_ONE, CREATED_BY_ONE, DONE_ONE],
        [ONE, FAILED_ONE, TWO, DONE_TWO, RETRIED_ONE, FAILED_ONE],
        [("command-one", accepted("one", scheduled=True), ""), TWO, DONE_TWO],
        [ONE, CREATED_BY_ONE, ("command-three", accepted("three"), "one"), DONE_ONE],
        [ONE, CREATED_BY_ONE, DONE_ONE, ("shop.fulfilment-o", ADDED, "id-2"), TWO, ("shop.expiry-o", ADDED, "id-2")],
    ],
)
def test_a_right_life_of_commands_is_right(steps: list[tuple[str, Message, str]]) -> None:
    assert not [*faults_in_log(life(*steps))]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([DONE_ONE], "one is unknown when CommandSucceeded"),
        ([ONE, DONE_ONE, DONE_ONE], "one is ended when CommandSucceeded"),
        ([ONE, FAILED_ONE, DONE_ONE], "one is failed when CommandSucceeded"),
        ([ONE, RETRIED_ONE], "one is open when FailedCommandRetried"),
        ([ONE, ONE], "one is accepted again"),
        ([ONE, TWO, DONE_TWO, DONE_ONE], "two on shop.order-o overtook one"),
        ([ONE, TWO, DONE_TWO], "two on shop.order-o overtook one"),
        ([ONE, CREATED_BY_ONE, TWO, MOVED_BY_ONE, DONE_ONE], "one has an effect at 2 and at 4"),
        (
            [ONE, ("shop.fulfilment-o", ADDED, "id-1"), TWO, ("shop.fulfilment-o", ADDED, "id-1")],
            "command id-1 has an effect at 2 and at 4",
        ),
    ],
)
def test_a_wrong_life_of_commands_is_found(steps: list[tuple[str, Message, str]], said: str) -> None:
    assert said in "\n".join(faults_in_log(life(*steps)))


PLACED = ("shop.order-o", events.OrderCreated(order_id="o", fulfilment=FULFILMENT_SAGA), "c")
CANCELLED = ("shop.order-o", events.OrderCancelled(order_id="o"), "c")
RESERVED = ("shop.reservation-o", events.StockReserved(order_id="o"), "c")
RELEASED = ("shop.reservation-o", events.StockReservationReleased(order_id="o"), "c")
HELD = ("shop.payment-o", events.PaymentAuthorized(order_id="o"), "c")
VOIDED = ("shop.payment-o", events.PaymentVoided(order_id="o"), "c")
ENDED = ("shop.fulfilment-o", events.FulfilmentEnded(order_id="o", cancelled=True), "c")
OVERDRAWN = events.StockReduced(sku="a", level=StockLevel(on_hand=-1, available=-1))


def closing(*steps: tuple[str, Message, str]) -> str:
    return "\n".join(faults_in_fulfilment((entry.position, entry.record) for entry in life(*steps)))


def test_what_is_kept_for_an_ended_order_and_stock_that_does_not_add_up_are_found() -> None:
    assert not closing(PLACED, RESERVED, HELD, CANCELLED, RELEASED, VOIDED, ENDED)
    assert not closing(PLACED, RESERVED, HELD, CANCELLED, ONE), "something is under way"
    assert "stock is held" in closing(PLACED, RESERVED, HELD, CANCELLED, VOIDED, ENDED)
    assert "AUTHORIZED" in closing(PLACED, RESERVED, HELD, CANCELLED, RELEASED, ENDED)
    assert "has ended: None" in closing(PLACED, RESERVED, HELD, CANCELLED, RELEASED, VOIDED)
    assert "its fulfilment has ended: True" in closing(PLACED, ENDED)
    assert "does not add up" in closing(("shop.stock-a", OVERDRAWN, "c"))
