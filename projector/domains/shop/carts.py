"""Step 8: carts to read, one view a user, with line count, quantities and totals ready to be shown."""

from typing import assert_never

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.events_pb2 import (
    CartCheckedOut,
    CartCleared,
    CartItemQuantityChanged,
    ItemAddedToCart,
    ItemRemovedFromCart,
)
from cqrs.shop.v1.views_pb2 import CartItem, CartView

from projector.projection import Changes, Fact, Projection, ViewKey, Views

CartEvent = ItemAddedToCart | ItemRemovedFromCart | CartItemQuantityChanged | CartCleared | CartCheckedOut


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    return (ViewKey(CartView, _key(fact)),)


def _apply(fact: Fact, views: Views) -> Changes:
    before: CartView | None = views[_key(fact)]
    cart = CartView(user_id=fact.event.user_id)
    if before is not None:
        cart.CopyFrom(before)
    _change_lines(cart, fact.event)
    cart.line_count = len(cart.items)
    cart.version = fact.record.version
    cart.update_time.CopyFrom(fact.record.time)
    return Changes(views={_key(fact): cart})


def _key(fact: Fact) -> str:
    return f"cart:{fact.event.user_id}"


def _change_lines(cart: CartView, event: CartEvent) -> None:
    match event:
        case ItemAddedToCart():
            _set_quantity(cart, event.item_id, event.price, event.quantity, joins=True)
        case ItemRemovedFromCart():
            _remove(cart, event.item_id, event.price if event.HasField("price") else None)
        case CartItemQuantityChanged():
            _set_quantity(cart, event.item_id, event.price, event.quantity, joins=False)
        case CartCleared() | CartCheckedOut():
            cart.ClearField("items")
            cart.ClearField("total_prices")
            cart.total_items = 0
        case _:
            assert_never(event)


def _set_quantity(cart: CartView, item_id: str, price: Money, quantity: int, *, joins: bool) -> None:
    line = next((each for each in cart.items if each.item_id == item_id and each.price == price), None)
    if line is None:
        line = cart.items.add(item_id=item_id, price=price)
    more = quantity if joins else quantity - line.quantity
    line.quantity += more
    _count(cart, line, more)


def _remove(cart: CartView, item_id: str, price: Money | None) -> None:
    for place in reversed(range(len(cart.items))):
        line = cart.items[place]
        if line.item_id == item_id and price in (None, line.price):
            _count(cart, line, -line.quantity)
            del cart.items[place]
    left = {line.price.currency_code for line in cart.items}
    for place in reversed(range(len(cart.total_prices))):
        if cart.total_prices[place].currency_code not in left:
            del cart.total_prices[place]


def _count(cart: CartView, line: CartItem, more: int) -> None:
    cart.total_items += more
    currency = line.price.currency_code
    total = next((each for each in cart.total_prices if each.currency_code == currency), None)
    if total is None:
        total = cart.total_prices.add(currency_code=currency)
        cart.total_prices.sort(key=lambda each: each.currency_code)
        total = next(each for each in cart.total_prices if each.currency_code == currency)
    total.minor_units += more * line.price.minor_units


CARTS = Projection(
    name="shop.carts",
    handles=(ItemAddedToCart, ItemRemovedFromCart, CartItemQuantityChanged, CartCleared, CartCheckedOut),
    needs=_needs,
    apply=_apply,
)
