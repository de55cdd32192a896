"""Nothing of the shop's contract is left out: every RPC decided, every event evolved, every refusal raised."""

import inspect
from pathlib import Path
from typing import Any

from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import command, event, view
from cqrs.shop.v1 import commands_pb2, errors_pb2, events_pb2, views_pb2
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from command_service.domains.shop import DECIDERS
from command_service.domains.shop.cart import CART
from command_service.domains.shop.order import ORDER
from projector.domains.shop import PROJECTIONS
from projector.projection import Fact
from runtime.refusals import Refused
from tests.shop.commands_strategy import CART_COMMANDS, ORDER_COMMANDS
from tests.shop.given import CONTEXT, decided, decider_of, evolved
from tests.shop.messages import add, create, item

METHODS = {
    method.input_type.full_name: method
    for service in commands_pb2.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
EVENTS = {
    message.full_name: message
    for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
    if message.GetOptions().HasExtension(event)
}
ORDER_OF_NINE = create(*(item(product, 2, price) for product in "abc" for price in (0, 5, 1999)))
CART_OF_THREE = [add(product, 2, 5) for product in "abc"]
SEEN: dict[str, set[str]] = {}


def test_every_command_service_has_its_decider() -> None:
    assert {decider.service for decider in DECIDERS} == {
        service.full_name for service in commands_pb2.DESCRIPTOR.services_by_name.values()
    }


# promise 001-4
def test_a_command_reads_the_stream_that_its_contract_names() -> None:
    for request, method in METHODS.items():
        options = method.GetOptions().Extensions[command]
        message: Any = getattr(commands_pb2, request.rpartition(".")[2])()
        setattr(message, options.aggregate_id_field, "some-id")
        ((aggregate, aggregate_id),) = decider_of(message).reads(message, CONTEXT)
        assert (aggregate.category, aggregate_id) == (options.aggregate, "some-id")
        assert aggregate.stream("some-id") == f"{options.aggregate}-some-id"


def test_every_event_is_evolved_by_the_aggregate_that_its_contract_names() -> None:
    evolved_by = {
        known.DESCRIPTOR.full_name: aggregate.category for aggregate in (CART, ORDER) for known in aggregate.events
    }
    assert evolved_by == {name: message.GetOptions().Extensions[event].aggregate for name, message in EVENTS.items()}


@settings(max_examples=800, deadline=None, derandomize=True)
@given(
    st.lists(CART_COMMANDS, max_size=5).map(lambda rest: [*CART_OF_THREE, *rest])
    | st.lists(ORDER_COMMANDS, max_size=5).map(lambda rest: [ORDER_OF_NINE, *rest])
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


def test_commands_emit_exactly_the_events_that_their_contract_names() -> None:
    SEEN.clear()
    _try_everything()
    for name, method in METHODS.items():
        assert SEEN[name] == set(method.GetOptions().Extensions[command].emits), name


def test_every_refusal_of_the_contract_is_raised_somewhere() -> None:
    folder = Path(inspect.getfile(decider_of)).parents[2] / "command_service" / "domains" / "shop"
    sources = "".join(path.read_text() for path in folder.glob("*.py"))
    for value in errors_pb2.ShopError.DESCRIPTOR.values[1:]:
        assert f"refuse({value.name}," in sources, value.name


def test_every_event_is_projected_and_every_view_has_its_projection() -> None:
    projected = [handled.DESCRIPTOR.full_name for projection in PROJECTIONS for handled in projection.handles]
    assert sorted(projected) == sorted(EVENTS)
    assert {projection.name for projection in PROJECTIONS} == {
        message.GetOptions().Extensions[view].projection
        for message in views_pb2.DESCRIPTOR.message_types_by_name.values()
        if message.GetOptions().HasExtension(view)
    }


def test_a_view_has_the_key_that_its_contract_names() -> None:
    for projection, fields in zip(PROJECTIONS, ({"user_id": "7"}, {"order_id": "7"}), strict=True):
        for handled in projection.handles:
            event_message: Any = handled(**fields)
            (need,) = projection.needs(Fact(1, Record(), event_message), {})
            assert need.key == need.type.DESCRIPTOR.GetOptions().Extensions[view].key.format(**fields)
