"""Step 4: an order: which command leads to what."""

from functools import partial
from typing import Any, assert_never

from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import FULFILMENT_SAGA, ORDER_STATUS_UNSPECIFIED, Fulfilment
from google.protobuf.message import Message

from command_service.decider import QUIET, Aggregate, Context, Decider, Decision, happened
from command_service.domains.shop import order_items as items
from command_service.domains.shop import order_placing as placing
from command_service.domains.shop import order_progress as progress
from command_service.domains.shop import order_rules as rules
from command_service.domains.shop.order_events import ORDER
from command_service.domains.shop.order_state import Order
from command_service.domains.shop.payment_state import NO_PAYMENT, PAYMENT, Payment

NewOrder = commands.CreateOrderRequest | commands.PlaceOrderRequest
KnownOrder = (
    commands.AddOrderItemRequest
    | commands.RemoveOrderItemRequest
    | commands.ChangeOrderItemQuantityRequest
    | commands.UpdateOrderRequest
    | commands.ChangeShippingAddressRequest
    | commands.UpdateOrderStatusRequest
    | commands.ShipOrderRequest
    | commands.CompleteOrderRequest
    | commands.CancelOrderRequest
    | commands.ConfirmOrderRequest
)

_NEED_PAYMENT = (
    commands.UpdateOrderRequest
    | commands.UpdateOrderStatusRequest
    | commands.ShipOrderRequest
    | commands.CompleteOrderRequest
    | commands.CancelOrderRequest
)


def decide(
    command: NewOrder | KnownOrder,
    context: Context,
    order: Order,
    payment: Payment = NO_PAYMENT,
    fulfilment: Fulfilment.ValueType = FULFILMENT_SAGA,
) -> Decision:
    """What the command leads to; raises Refused. `fulfilment` is who carries on what is placed from now on."""
    match command:
        case commands.CreateOrderRequest():
            return items.create(command, context, order)
        case commands.PlaceOrderRequest():
            return placing.place(command, context, order, fulfilment)
        case _:
            rules.exists(order)
            return placing.followed(_changed(command, order), command.order_id, order, payment)


def _changed(command: KnownOrder, order: Order) -> Decision:
    match command:
        case commands.AddOrderItemRequest():
            return items.add(command, order)
        case commands.RemoveOrderItemRequest():
            return items.remove(command, order)
        case commands.ChangeOrderItemQuantityRequest():
            return items.change_quantity(command, order)
        case commands.UpdateOrderRequest():
            return _update(command, order)
        case commands.ChangeShippingAddressRequest():
            return progress.change_address(command, order)
        case commands.UpdateOrderStatusRequest():
            return progress.change_status(command.order_id, command.status, order)
        case commands.ShipOrderRequest():
            return progress.ship(command, order)
        case commands.CompleteOrderRequest():
            return progress.complete(command.order_id, order)
        case commands.CancelOrderRequest():
            return progress.cancel(command, order)
        case commands.ConfirmOrderRequest():
            return placing.confirm(command, order)
        case _:
            assert_never(command)


def _update(command: commands.UpdateOrderRequest, order: Order) -> Decision:
    after = items.replaced(order, command.items)
    if command.HasField("total_amount"):
        rules.total_is(after, command.total_amount)
    happening: tuple[Message, ...] = ()
    if after.items != order.items:
        rules.has_open_items(order)
        happening = (events.OrderItemsReplaced(order_id=command.order_id, items=after.items, total_amount=after.total),)
    if command.status != ORDER_STATUS_UNSPECIFIED:
        moved = progress.change_status(command.order_id, command.status, order)
        happening = happening + (moved.events[0] if moved.events else ())
    return happened(*happening) if happening else QUIET


def _reads(command: Any, context: Context) -> tuple[tuple[Aggregate, str], ...]:
    order = (ORDER, command.order_id or context.new_id)
    return (order, (PAYMENT, command.order_id)) if isinstance(command, _NEED_PAYMENT) else (order,)


def orders(fulfilment: Fulfilment.ValueType) -> Decider:
    """The decider of orders, where `fulfilment` is who carries placed ones on."""
    return Decider(
        service="cqrs.shop.v1.OrderCommandService",
        reads=_reads,
        decide=partial(decide, fulfilment=fulfilment),
    )


ORDERS = orders(FULFILMENT_SAGA)
