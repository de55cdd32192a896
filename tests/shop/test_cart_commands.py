"""What each command on a cart leads to."""

import time

from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events

from command_service.domains.shop.cart import CART, Cart
from tests.shop.given import decided, given
from tests.shop.messages import USER, add, added, eur

MOST = (1_000_000, 1_000_000_000_000)
FULL = tuple(added(f"item-{number}") for number in range(1_000))


def remove(item_id: str = "product-abc", price: int | None = None) -> commands.RemoveItemFromCartRequest:
    return commands.RemoveItemFromCartRequest(
        user_id=USER, item_id=item_id, price=None if price is None else eur(price)
    )


def removed(item_id: str = "product-abc", price: int | None = None) -> events.ItemRemovedFromCart:
    return events.ItemRemovedFromCart(user_id=USER, item_id=item_id, price=None if price is None else eur(price))


def change(
    quantity: int, item_id: str = "product-abc", price: int | None = None
) -> commands.ChangeCartItemQuantityRequest:
    return commands.ChangeCartItemQuantityRequest(
        user_id=USER, item_id=item_id, quantity=quantity, price=None if price is None else eur(price)
    )


def changed(quantity: int, item_id: str = "product-abc", price: int = 1999) -> events.CartItemQuantityChanged:
    return events.CartItemQuantityChanged(user_id=USER, item_id=item_id, price=eur(price), quantity=quantity)


# promise 000-3, 004-1, 004-2, 004-3
def test_an_item_is_added_to_a_cart_that_nothing_ever_happened_to() -> None:
    given().when(add(quantity=2)).then(added(quantity=2))


def test_the_same_item_at_the_same_price_joins_its_line() -> None:
    state = CART.initial
    for event in (added(quantity=2), added("other"), added(quantity=3)):
        state = CART.evolve(state, event)
    assert [(line.item_id, quantity) for line, quantity in state.lines.items()] == [("product-abc", 5), ("other", 1)]


def test_the_same_item_at_another_price_or_in_another_currency_is_a_line_of_its_own() -> None:
    state = CART.initial
    for event in (added(), added(price=1899), added(currency="USD")):
        state = CART.evolve(state, event)
    assert len(state.lines) == 3


# promise 004-17
def test_a_line_does_not_grow_beyond_a_million() -> None:
    given(added(quantity=999_999)).when(add(quantity=1)).then(added(quantity=1))
    given(added(quantity=999_999)).when(add(quantity=2)).then_refused(
        "INVALID_ARGUMENT", "AMOUNT_TOO_LARGE", "Quantity cannot be greater than 1000000"
    )


def test_a_cart_has_at_most_a_thousand_lines() -> None:
    given(*FULL).when(add("item-7")).then(added("item-7"))
    given(*FULL).when(add("one-more")).then_refused(
        "FAILED_PRECONDITION", "TOO_MANY_ITEMS", "Cart cannot have more than 1000 items"
    )


def test_a_sum_that_no_amount_can_hold_is_refused_in_its_own_currency_only() -> None:
    nine = tuple(added(f"item-{number}", *MOST) for number in range(9))
    given(*nine).when(add("item-9", *MOST)).then_refused(
        "INVALID_ARGUMENT", "AMOUNT_TOO_LARGE", "The cart's total would be too large"
    )
    given(*nine).when(add("item-9", *MOST, "USD")).then(added("item-9", *MOST, "USD"))


def test_an_item_is_removed_at_all_prices_or_at_one() -> None:
    lines = (added(), added(price=1899), added("other"))
    given(*lines).when(remove()).then(removed())
    given(*lines).when(remove(price=1899)).then(removed(price=1899))
    given(*lines, removed()).when(remove()).then_quiet()
    given(*lines, removed(price=1899)).when(remove()).then(removed())


def test_removing_what_is_not_there_is_quiet() -> None:
    given().when(remove()).then_quiet()
    given(added()).when(remove("other")).then_quiet()
    given(added()).when(remove(price=1)).then_quiet()


def test_a_quantity_is_set() -> None:
    given(added(quantity=2)).when(change(7)).then(changed(7))
    given(added(), added(price=1899)).when(change(7, price=1899)).then(changed(7, price=1899))


def test_the_quantity_that_is_there_is_quiet() -> None:
    given(added(), added()).when(change(2)).then_quiet()


def test_quantity_0_removes_exactly_the_line_meant() -> None:
    given(added()).when(change(0)).then(removed(price=1999))
    given(added(), added(price=1899)).when(change(0, price=1899)).then(removed(price=1899))
    given(added()).when(change(0, "other")).then_quiet()


def test_a_quantity_at_several_prices_needs_the_price() -> None:
    for quantity in (0, 7):
        given(added(), added(price=1899)).when(change(quantity)).then_refused(
            "FAILED_PRECONDITION",
            "PRICE_AMBIGUOUS",
            "Item product-abc is in the cart at 2 prices: say which by its price",
        )


def test_a_quantity_of_what_is_not_there_is_refused() -> None:
    given().when(change(1)).then_refused(
        "FAILED_PRECONDITION", "ITEM_NOT_IN_CART", "Item product-abc is not in the cart"
    )
    given(added()).when(change(1, price=1)).then_refused(
        "FAILED_PRECONDITION", "ITEM_NOT_IN_CART", "Item product-abc is not in the cart at this price"
    )


def test_a_quantity_changed_counts_against_the_largest_sum() -> None:
    nine = tuple(added(f"item-{number}", *MOST) for number in range(9))
    small = added("item-9", quantity=1, price=1_000_000_000_000)
    given(*nine, small).when(change(1_000_000, "item-9")).then_refused(
        "INVALID_ARGUMENT", "AMOUNT_TOO_LARGE", "The cart's total would be too large"
    )


def test_a_cart_is_cleared_and_clearing_an_empty_one_is_quiet() -> None:
    clear, cleared = commands.ClearCartRequest(user_id=USER), events.CartCleared(user_id=USER)
    given(added()).when(clear).then(cleared)
    given().when(clear).then_quiet()
    given(added(), cleared).when(clear).then_quiet()
    given(added(), cleared).when(change(1)).then_refused(
        "FAILED_PRECONDITION", "ITEM_NOT_IN_CART", "Item product-abc is not in the cart"
    )


# promise 004-8
def test_the_state_says_what_it_holds_in_a_few_words() -> None:
    state = Cart()
    for event in (added(quantity=5), added("other", quantity=2)):
        state = CART.evolve(state, event)
    assert str(state) == "Cart(lines=2, items=7)"


def test_600_lines_are_decided_in_well_under_a_millisecond() -> None:
    state = CART.initial
    for event in FULL[:600]:
        state = CART.evolve(state, event)
    seconds = []
    for _ in range(50):
        begin = time.perf_counter()
        CART.evolve(state, decided(add("item-300"), state)[0])
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.001
