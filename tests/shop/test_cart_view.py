"""What the events of a cart make of its view."""

from typing import Any

from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.views_pb2 import CartItem, CartView
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from command_service.domains.shop.cart import CART
from projector.domains.shop.carts import CARTS
from runtime.refusals import Refused
from tests.shop.commands_strategy import CART_COMMANDS
from tests.shop.folding import Folded, at
from tests.shop.given import decided
from tests.shop.messages import USER, added, eur


def view(*happened: Message) -> CartView:
    found = Folded(CARTS).fold(*happened).views[f"cart:{USER}"]
    assert isinstance(found, CartView)
    return found


# promise 004-6, 001-3
def test_a_cart_shows_lines_counts_and_totals_by_currency() -> None:
    happened = (added("b", 3, 1999), added("a", 2, 500, "USD"), added("b", 1, 1999), added("b", 1, 1899))
    assert view(*happened) == CartView(
        user_id=USER,
        items=[
            CartItem(item_id="b", quantity=4, price=eur(1999)),
            CartItem(item_id="a", quantity=2, price=eur(500, "USD")),
            CartItem(item_id="b", quantity=1, price=eur(1899)),
        ],
        line_count=3,
        total_items=7,
        total_prices=[eur(9895), eur(1000, "USD")],
        version=4,
        update_time=at(104),
    )


def test_totals_stand_by_currency_code_whichever_came_first() -> None:
    assert [
        each.currency_code for each in view(added(currency="USD"), added(), added(currency="CHF")).total_prices
    ] == [
        "CHF",
        "EUR",
        "USD",
    ]


def test_a_line_removed_takes_its_share_and_its_currency_along() -> None:
    happened = (added("a"), added("a", price=1), added("b", currency="USD"))
    gone = events.ItemRemovedFromCart(user_id=USER, item_id="b")
    assert view(*happened, gone).total_prices == [eur(2000)]
    gone = events.ItemRemovedFromCart(user_id=USER, item_id="a", price=eur(1))
    assert view(*happened, gone).total_prices == [eur(1999), eur(1999, "USD")]


def test_an_item_that_costs_nothing_keeps_its_currency_shown() -> None:
    assert view(added(price=0)).total_prices == [eur(0)]


def test_a_cleared_cart_is_empty_and_keeps_its_version() -> None:
    assert view(added(), events.CartCleared(user_id=USER)) == CartView(user_id=USER, version=2, update_time=at(102))


@settings(max_examples=150, deadline=None)
@given(st.lists(CART_COMMANDS, max_size=10))
def test_the_view_is_what_the_write_side_knows(sent: list[Message]) -> None:
    state: Any = CART.initial
    folded = Folded(CARTS)
    for command in sent:
        try:
            happened = decided(command, state)
        except Refused:
            continue
        for event in happened:
            state = CART.evolve(state, event)
        folded.fold(*happened)
    assert_same(state, folded.views.get(f"cart:{USER}") or CartView())


def assert_same(state: Any, shown: CartView) -> None:
    lines = [(each.item_id, each.price.currency_code, each.price.minor_units, each.quantity) for each in shown.items]
    assert lines == [(*line, quantity) for line, quantity in state.lines.items()]
    assert (shown.line_count, shown.total_items) == (len(lines), sum(line[3] for line in lines))
    assert {each.currency_code: each.minor_units for each in shown.total_prices} == {
        currency: sum(line[2] * line[3] for line in lines if line[1] == currency) for _, currency, _, _ in lines
    }
