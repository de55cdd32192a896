"""Step 4: a user's cart. It exists for everybody, empty at first; it may hold several currencies and any prices."""

from dataclasses import dataclass, field, replace
from typing import assert_never

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.commands_pb2 import (
    AddItemToCartRequest,
    ChangeCartItemQuantityRequest,
    CheckoutCartRequest,
    ClearCartRequest,
    RemoveItemFromCartRequest,
)
from cqrs.shop.v1.errors_pb2 import (
    SHOP_ERROR_AMOUNT_TOO_LARGE,
    SHOP_ERROR_ITEM_NOT_IN_CART,
    SHOP_ERROR_PRICE_AMBIGUOUS,
    SHOP_ERROR_TOO_MANY_ITEMS,
)
from cqrs.shop.v1.events_pb2 import (
    CartCheckedOut,
    CartCleared,
    CartItemQuantityChanged,
    ItemAddedToCart,
    ItemRemovedFromCart,
)

from command_service.decider import QUIET, Aggregate, Context, Decider, Decision, happened
from command_service.domains.shop.cart_checkout import checkout
from command_service.domains.shop.lines import Line, Lines, amount, line, lines_of, with_more, with_quantity, without
from command_service.domains.shop.refusal import LARGEST_AMOUNT, LARGEST_QUANTITY, MOST_LINES, refuse

CartCommand = (
    AddItemToCartRequest
    | RemoveItemFromCartRequest
    | ChangeCartItemQuantityRequest
    | ClearCartRequest
    | CheckoutCartRequest
)
CartEvent = ItemAddedToCart | ItemRemovedFromCart | CartItemQuantityChanged | CartCleared | CartCheckedOut


@dataclass(frozen=True, slots=True)
class Cart:
    """What a cart holds."""

    lines: Lines = field(default_factory=dict)

    def __str__(self) -> str:
        return f"Cart(lines={len(self.lines)}, items={sum(self.lines.values())})"


def decide(command: CartCommand, context: Context, cart: Cart) -> Decision:
    """What the command leads to; raises Refused."""
    match command:
        case AddItemToCartRequest():
            return _add(command, cart)
        case RemoveItemFromCartRequest():
            return _remove(command, cart)
        case ChangeCartItemQuantityRequest():
            return _change_quantity(command, cart)
        case ClearCartRequest():
            return happened(CartCleared(user_id=command.user_id)) if cart.lines else QUIET
        case CheckoutCartRequest():
            return checkout(command, context, cart.lines)
        case _:
            assert_never(command)


def _add(command: AddItemToCartRequest, cart: Cart) -> Decision:
    _fits(with_more(cart.lines, line(command.item_id, command.price), command.quantity), command.price, command.item_id)
    return happened(
        ItemAddedToCart(
            user_id=command.user_id, item_id=command.item_id, quantity=command.quantity, price=command.price
        )
    )


def _remove(command: RemoveItemFromCartRequest, cart: Cart) -> Decision:
    price = command.price if command.HasField("price") else None
    if not lines_of(cart.lines, command.item_id, price):
        return QUIET
    return happened(ItemRemovedFromCart(user_id=command.user_id, item_id=command.item_id, price=price))


def _change_quantity(command: ChangeCartItemQuantityRequest, cart: Cart) -> Decision:
    price = command.price if command.HasField("price") else None
    found = lines_of(cart.lines, command.item_id, price)
    _names_one_line(command.item_id, found)
    if not found:
        return _nothing_to_change(command)
    changed = found[0]
    if command.quantity == 0:
        return happened(ItemRemovedFromCart(user_id=command.user_id, item_id=command.item_id, price=changed.price))
    if command.quantity == cart.lines[changed]:
        return QUIET
    _fits(with_quantity(cart.lines, changed, command.quantity), changed.price, command.item_id)
    return happened(
        CartItemQuantityChanged(
            user_id=command.user_id, item_id=command.item_id, price=changed.price, quantity=command.quantity
        )
    )


def evolve(cart: Cart, event: CartEvent) -> Cart:
    """The cart after the event."""
    match event:
        case ItemAddedToCart():
            return replace(cart, lines=with_more(cart.lines, line(event.item_id, event.price), event.quantity))
        case ItemRemovedFromCart():
            price = event.price if event.HasField("price") else None
            return replace(cart, lines=without(cart.lines, lines_of(cart.lines, event.item_id, price)))
        case CartItemQuantityChanged():
            return replace(cart, lines=with_quantity(cart.lines, line(event.item_id, event.price), event.quantity))
        case CartCleared() | CartCheckedOut():
            return Cart()
        case _:
            assert_never(event)


def _names_one_line(item_id: str, found: tuple[Line, ...]) -> None:
    if len(found) > 1:
        text = f"Item {item_id} is in the cart at {len(found)} prices: say which by its price"
        raise refuse(SHOP_ERROR_PRICE_AMBIGUOUS, text)


def _nothing_to_change(command: ChangeCartItemQuantityRequest) -> Decision:
    if command.quantity == 0:
        return QUIET
    at_price = " at this price" if command.HasField("price") else ""
    raise refuse(SHOP_ERROR_ITEM_NOT_IN_CART, f"Item {command.item_id} is not in the cart{at_price}")


def _fits(lines: Lines, price: Money, item_id: str) -> None:
    if len(lines) > MOST_LINES:
        raise refuse(SHOP_ERROR_TOO_MANY_ITEMS, f"Cart cannot have more than {MOST_LINES} items")
    if lines[line(item_id, price)] > LARGEST_QUANTITY:
        text = f"Quantity cannot be greater than {LARGEST_QUANTITY}"
        raise refuse(SHOP_ERROR_AMOUNT_TOO_LARGE, text, field="quantity")
    if amount(lines, price.currency_code) > LARGEST_AMOUNT:
        raise refuse(SHOP_ERROR_AMOUNT_TOO_LARGE, "The cart's total would be too large", field="quantity")


CART = Aggregate(
    category="shop.cart",
    initial=Cart(),
    evolve=evolve,
    events=(ItemAddedToCart, ItemRemovedFromCart, CartItemQuantityChanged, CartCleared, CartCheckedOut),
)

CARTS = Decider(
    service="cqrs.shop.v1.CartCommandService",
    reads=lambda command, context: ((CART, command.user_id),),
    decide=decide,
)
