"""Nothing of the shop's contract is left out: every RPC decided, every event evolved, every refusal raised."""

import inspect
from pathlib import Path
from typing import Any

from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import command, event, view
from cqrs.shop.v1 import commands_pb2, errors_pb2, events_pb2, views_pb2
from cqrs.shop.v1 import payment_commands_pb2 as payments
from cqrs.shop.v1 import stock_commands_pb2 as stock
from cqrs.shop.v1.events_pb2 import (
    AnalyticsUpdated,
    OrderCreated,
    OrderItemQuantityChanged,
    OrderItemsReplaced,
    StockItemRegistered,
)
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_PROCESSING
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from command_service.domains.shop import CONTRACTS, DECIDERS, PROCESSES, Variant
from command_service.domains.shop.analytics import ANALYTICS_OF_ORDER
from command_service.domains.shop.cart import CART
from command_service.domains.shop.notification import NOTIFICATION
from command_service.domains.shop.order_events import ORDER
from command_service.domains.shop.payment_state import PAYMENT
from command_service.domains.shop.reservation_state import RESERVATION
from command_service.domains.shop.stock_state import STOCK
from projector.domains.shop import PROJECTIONS
from projector.projection import Fact
from runtime.refusals import Refused
from tests.shop.commands_strategy import CART_COMMANDS, ORDER_COMMANDS
from tests.shop.fulfilment_messages import authorize, cancel, line, method, place, register, reserve
from tests.shop.given import CONTEXT, decided, decider_of, evolved
from tests.shop.messages import ORDER_ID, add, create, eur, item
from tests.shop.world import World

METHODS = {
    method.input_type.full_name: method
    for contract in CONTRACTS
    for service in contract.services_by_name.values()
    for method in service.methods
}
EVENTS = {
    message.full_name: message
    for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
    if message.GetOptions().HasExtension(event)
}
AGGREGATES = (
    *(CART, ORDER, STOCK, RESERVATION, PAYMENT, NOTIFICATION, ANALYTICS_OF_ORDER),
    *(process.state for process in PROCESSES),
)
ORDER_OF_NINE = create(*(item(product, 2, price) for product in "abc" for price in (0, 5, 1999)))
CART_OF_THREE = [add(product, 2, 5) for product in "abc"]
SEEN: dict[str, set[str]] = {}
PLACED = [place(), cancel(), place(order_id="order-2", token="tok_declined"), place(order_id="order-3")]
PROCESS = payments.ProcessPaymentRequest(order_id=ORDER_ID, amount=eur(5), payment=method())
LINES: dict[str, Any] = {"order_id": ORDER_ID, "lines": [line()]}
VARIANTS: tuple[Variant, ...] = ("saga", "plain")
STOCKED = [
    register(on_hand=1),
    stock.ReceiveStockRequest(sku="product-abc", quantity=2),
    stock.SetReorderPointRequest(sku="product-abc", reorder_point=3),
    stock.AdjustStockRequest(sku="product-abc", count=9, reason="counted"),
    stock.AdjustStockRequest(sku="product-abc", count=2, reason="counted"),
]
EXPIRING = [reserve(ttl=Duration(seconds=1))]
RELEASED = [reserve(), stock.ReleaseReservationRequest(**LINES)]
RETURNED = [reserve(), stock.CommitReservationRequest(**LINES), RELEASED[1]]
SHIPPED = [
    create(item()),
    commands_pb2.UpdateOrderStatusRequest(order_id=ORDER_ID, status=ORDER_STATUS_PROCESSING),
    commands_pb2.ShipOrderRequest(order_id=ORDER_ID, tracking_number="T-1"),
    commands_pb2.CompleteOrderRequest(order_id=ORDER_ID),
]
VIEW_IDS = {"user_id": "7", "order_id": "8", "sku": "9", "currency_code": "EUR", "product_id": "3", "day": "1970-01-01"}


def test_every_command_service_has_its_decider() -> None:
    assert {decider.service for decider in DECIDERS} == {
        service.full_name for contract in CONTRACTS for service in contract.services_by_name.values()
    }


# promise 001-4
def test_a_command_reads_the_stream_that_its_contract_names() -> None:
    for rpc in METHODS.values():
        options = rpc.GetOptions().Extensions[command]
        message: Any = GetMessageClass(rpc.input_type)()
        setattr(message, options.aggregate_id_field, "some-id")
        (aggregate, aggregate_id), *_ = decider_of(message).reads(message, CONTEXT)
        assert (aggregate.category, aggregate_id) == (options.aggregate, "some-id")
        assert aggregate.stream("some-id") == f"{options.aggregate}-some-id"


def test_every_event_is_evolved_by_the_aggregate_that_its_contract_names() -> None:
    evolved_by = {
        known.DESCRIPTOR.full_name: aggregate.category for aggregate in AGGREGATES for known in aggregate.events
    }
    assert evolved_by == {name: message.GetOptions().Extensions[event].aggregate for name, message in EVENTS.items()}


@settings(max_examples=800, deadline=None, derandomize=True)
@given(
    st.lists(CART_COMMANDS, max_size=5).map(lambda rest: [*CART_OF_THREE, *rest])
    | st.lists(ORDER_COMMANDS, max_size=5).map(lambda rest: [ORDER_OF_NINE, *rest])
    | st.lists(ORDER_COMMANDS, max_size=2).map(lambda rest: [place(), *rest])
)
def _try_everything(sent: list[Message]) -> None:
    state: Any = None
    for each in sent:
        state = evolved(each, ()) if state is None else state
        try:
            happened = decided(each, state)
        except Refused:
            continue
        SEEN.setdefault(each.DESCRIPTOR.full_name, set()).update(made.DESCRIPTOR.full_name for made in happened)
        state = evolved(each, happened, state)


async def _go_every_way() -> None:
    """What reads several streams: over whole worlds."""
    for variant in VARIANTS:
        for sent in (EXPIRING, RELEASED, RETURNED, PLACED):
            world = await World(variant).only(*STOCKED)
            await (await world.only(*sent)).wait()
            _saw(world)
    for alone in (authorize(), authorize("tok_declined"), PROCESS, payments.VoidPaymentRequest(order_id=ORDER_ID)):
        _saw(await World().only(alone))
    for scarce in (register(on_hand=0), register(on_hand=1)):
        _saw(await World("plain").only(scarce, place()))
    for last in (reserve(), stock.UpdateInventoryRequest(order_id=ORDER_ID, lines=[line()])):
        _saw(await World().only(register(on_hand=2, reorder_point=1), last))
    _saw(await World().only(register(on_hand=1, reorder_point=1)))
    _saw(await World().only(*SHIPPED))


def _saw(world: World) -> None:
    for name, emitted in world.emitted.items():
        SEEN.setdefault(name, set()).update(emitted)


async def test_commands_emit_exactly_the_events_that_their_contract_names() -> None:
    SEEN.clear()
    _try_everything()
    await _go_every_way()
    for name, rpc in METHODS.items():
        assert SEEN[name] == set(rpc.GetOptions().Extensions[command].emits), name


def test_every_refusal_of_the_contract_is_raised_somewhere() -> None:
    folder = Path(inspect.getfile(decider_of)).parents[2] / "command_service" / "domains" / "shop"
    sources = "".join(path.read_text() for path in folder.glob("*.py"))
    for value in errors_pb2.ShopError.DESCRIPTOR.values[1:]:
        assert f"refuse({value.name}," in sources, value.name


def test_every_event_is_projected_and_every_view_has_its_projection() -> None:
    projected = {handled.DESCRIPTOR.full_name for projection in PROJECTIONS for handled in projection.handles}
    assert projected == EVENTS.keys()
    assert {projection.name for projection in PROJECTIONS} == {
        message.GetOptions().Extensions[view].projection
        for message in views_pb2.DESCRIPTOR.message_types_by_name.values()
        if message.GetOptions().HasExtension(view)
    }


def test_every_view_that_is_needed_or_written_has_the_key_that_its_contract_names() -> None:
    written = set()
    for projection in PROJECTIONS:
        for handled in projection.handles:
            fact = Fact(5, Record(), _filled(handled))
            needs = projection.needs(fact, {})
            begins = handled in (StockItemRegistered, OrderCreated) or projection.name in (
                "shop.payments",
                "shop.sales",
            )
            before = {need.key: None if begins else need.type() for need in needs}
            changed = {key: type(view) for key, view in projection.apply(fact, before).views.items() if view}
            for key, kind in [*((need.key, need.type) for need in needs), *changed.items()]:
                options = kind.DESCRIPTOR.GetOptions().Extensions[view]
                assert key == options.key.format(**VIEW_IDS, position=5)
                assert options.projection == projection.name
                written.add(kind.DESCRIPTOR.name)
    assert written == {
        name
        for name, message in views_pb2.DESCRIPTOR.message_types_by_name.items()
        if message.GetOptions().HasExtension(view)
    }


def _filled(kind: type[Message]) -> Any:
    """An event about the ids of the views."""
    event_message: Any = kind(**{name: VIEW_IDS[name] for name in kind.DESCRIPTOR.fields_by_name if name in VIEW_IDS})
    if kind is AnalyticsUpdated:
        event_message.items.append(item(VIEW_IDS["product_id"]))
        event_message.order_time.seconds = 0
        event_message.total_amount.CopyFrom(eur(1999))
    if kind is OrderItemQuantityChanged:
        return OrderItemsReplaced(order_id=VIEW_IDS["order_id"])  # an empty view has no line that could change
    return event_message
