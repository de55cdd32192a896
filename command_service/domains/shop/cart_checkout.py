"""Step 4: a cart becomes an order."""

from cqrs.shop.v1.commands_pb2 import CheckoutCartRequest, CheckoutCartResponse, PlaceOrderRequest
from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_CART_EMPTY, SHOP_ERROR_CART_SEVERAL_CURRENCIES
from cqrs.shop.v1.events_pb2 import CartCheckedOut
from cqrs.shop.v1.types_pb2 import OrderItem

from command_service.decider import Context, Decision
from command_service.domains.shop import order_rules
from command_service.domains.shop.lines import Lines
from command_service.domains.shop.order_state import of_items
from command_service.domains.shop.refusal import refuse


def checkout(command: CheckoutCartRequest, context: Context, lines: Lines) -> Decision:
    """An order of every line is placed, and the cart is empty: both or neither."""
    if not lines:
        raise refuse(SHOP_ERROR_CART_EMPTY, "Cart is empty")
    currencies = sorted({line.currency for line in lines})
    if len(currencies) > 1:
        text = f"The cart holds items in {' and '.join(currencies)}: an order is in one currency"
        raise refuse(SHOP_ERROR_CART_SEVERAL_CURRENCIES, text)
    items = [OrderItem(product_id=each.item_id, quantity=count, price=each.price) for each, count in lines.items()]
    if command.HasField("total_amount"):
        order_rules.total_is(of_items(items, currencies[0]), command.total_amount)
    return Decision(
        events=((CartCheckedOut(user_id=command.user_id, order_id=context.new_id),),),
        response=CheckoutCartResponse(order_id=context.new_id),
        commands=(_place_order(command, context, items),),
    )


def _place_order(command: CheckoutCartRequest, context: Context, items: list[OrderItem]) -> PlaceOrderRequest:
    return PlaceOrderRequest(
        order_id=context.new_id,
        user_id=command.user_id,
        items=items,
        payment=command.payment,
        customer_email=command.customer_email,
        customer_name=command.customer_name,
        shipping_address=command.shipping_address if command.HasField("shipping_address") else None,
        order_time=context.time,
    )
