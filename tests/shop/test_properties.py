"""What holds of every cart and order that any commands lead to."""

from typing import Any

import pytest
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from command_service.domains.shop.cart import Cart
from command_service.domains.shop.order_state import Order
from runtime.refusals import Refused
from tests.shop.commands_strategy import CART_COMMANDS, ORDER_COMMANDS
from tests.shop.given import decided, evolved
from tests.shop.messages import create, item

ADDS_EACH_TIME = (commands.AddItemToCartRequest, commands.AddOrderItemRequest)
REFUSED_THE_SECOND_TIME = (
    commands.CheckoutCartRequest,
    commands.PlaceOrderRequest,
    commands.CreateOrderRequest,
    commands.RemoveOrderItemRequest,
    commands.ChangeOrderItemQuantityRequest,
)
LISTS = st.lists(CART_COMMANDS, max_size=8) | st.lists(ORDER_COMMANDS, max_size=8).map(
    lambda rest: [create(item()), *rest]
)


def after(command: Message, state: Any) -> tuple[tuple[Message, ...], Any]:
    """The events of a command and the state after them; a refused one has none."""
    try:
        happened = decided(command, state)
    except Refused:
        return (), state
    return happened, evolved(command, happened, state)


def assert_whole(state: Cart | Order) -> None:
    assert all(1 <= quantity <= 1_000_000 for quantity in state.lines.values())
    assert len(state.lines) <= 1_000
    if isinstance(state, Order) and state.status:
        assert state.lines
        assert {line.currency for line in state.lines} == {state.currency}
        assert set(state.names) == set(state.lines)


@settings(max_examples=150, deadline=None)
@given(LISTS)
def test_no_commands_break_a_cart_or_an_order(sent: list[Message]) -> None:
    state: Any = None
    for command in sent:
        happened, state = after(command, evolved(command, ()) if state is None else state)
        assert_whole(state)
        for event in happened:
            if not isinstance(event, events.OrderStatusChanged) and hasattr(event, "total_amount"):
                assert event.total_amount == state.total


# promise 001-52
@settings(max_examples=150, deadline=None)
@given(LISTS)
def test_every_command_a_second_time_is_harmless(sent: list[Message]) -> None:
    state: Any = None
    for command in sent:
        _, state = after(command, evolved(command, ()) if state is None else state)
        if isinstance(command, ADDS_EACH_TIME):
            continue
        again, same = after(command, state)
        assert (again, same) == ((), state)


@settings(max_examples=150, deadline=None)
@given(LISTS)
def test_every_success_that_sets_something_is_quiet_the_second_time(sent: list[Message]) -> None:
    state: Any = None
    for command in sent:
        state = evolved(command, ()) if state is None else state
        happened, state = after(command, state)
        if happened and not isinstance(command, ADDS_EACH_TIME + REFUSED_THE_SECOND_TIME):
            assert decided(command, state) == ()


def test_a_state_cannot_be_changed() -> None:
    for state in (Cart(), Order()):
        with pytest.raises(AttributeError):
            state.lines = {}  # type: ignore[misc]
