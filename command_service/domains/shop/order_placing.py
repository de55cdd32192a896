"""Step 4: placed orders: how they come to be, and what must follow when they move on."""

from cqrs.shop.v1.commands_pb2 import ConfirmOrderRequest, CreateOrderRequest, PlaceOrderRequest
from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_WRONG_MOMENT
from cqrs.shop.v1.events_pb2 import OrderCancelled, OrderCompleted, OrderShipped, OrderStatusChanged
from cqrs.shop.v1.payment_commands_pb2 import ProcessPaymentRequest
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_PLAIN,
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PROCESSING,
    Fulfilment,
)
from google.protobuf.message import Message

from command_service.decider import QUIET, Context, Decision, happened
from command_service.domains.shop import order_items as items
from command_service.domains.shop import order_progress as progress
from command_service.domains.shop import order_rules as rules
from command_service.domains.shop import plain
from command_service.domains.shop.order_state import Order
from command_service.domains.shop.payment_state import Payment
from command_service.domains.shop.refusal import refuse


def place(command: PlaceOrderRequest, context: Context, order: Order, fulfilment: Fulfilment.ValueType) -> Decision:
    """A new order that is paid for; in the plain variant its payment follows at once."""
    created = items.created(_order_of(command), context, order)
    created.payment.CopyFrom(command.payment)
    created.fulfilment = fulfilment
    if fulfilment != FULFILMENT_PLAIN:
        return happened(created)
    payment = ProcessPaymentRequest(order_id=created.order_id, amount=created.total_amount, payment=command.payment)
    return happened(created, commands=(payment,))


def _order_of(command: PlaceOrderRequest) -> CreateOrderRequest:
    return CreateOrderRequest(
        order_id=command.order_id,
        customer_id=command.user_id,
        customer_name=command.customer_name,
        customer_email=command.customer_email,
        items=command.items,
        total_amount=command.total_amount if command.HasField("total_amount") else None,
        shipping_address=command.shipping_address if command.HasField("shipping_address") else None,
        order_time=command.order_time if command.HasField("order_time") else None,
    )


def confirm(command: ConfirmOrderRequest, order: Order) -> Decision:
    """From pending to processing; quiet when it is that far already."""
    if not order.placed:
        raise refuse(SHOP_ERROR_WRONG_MOMENT, "Only a placed order is confirmed by its fulfilment")
    if order.status == ORDER_STATUS_COMPLETED:
        return QUIET
    return progress.change_status(command.order_id, ORDER_STATUS_PROCESSING, order)


def followed(decision: Decision, order_id: str, order: Order, payment: Payment) -> Decision:
    """The decision, refused where it ships or completes what is not paid, with the commands that undo a plain order."""
    events: tuple[Message, ...] = decision.events[0] if decision.events else ()
    if any(_completes(event) for event in events):
        rules.is_paid(order, payment)
    if order.fulfilment == FULFILMENT_PLAIN and any(_cancels(event) for event in events):
        return happened(*events, commands=plain.undone(order_id, order, payment))
    return decision


def _completes(event: Message) -> bool:
    return isinstance(event, OrderShipped | OrderCompleted) or (
        isinstance(event, OrderStatusChanged) and event.status == ORDER_STATUS_COMPLETED
    )


def _cancels(event: Message) -> bool:
    return isinstance(event, OrderCancelled) or (
        isinstance(event, OrderStatusChanged) and event.status == ORDER_STATUS_CANCELLED
    )
