"""Step 4: what a customer is told about an order: each kind of e-mail once."""

from collections.abc import Mapping
from dataclasses import dataclass

from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_NO_RECIPIENT, SHOP_ERROR_WRONG_MOMENT
from cqrs.shop.v1.events_pb2 import NotificationSent
from cqrs.shop.v1.follow_up_commands_pb2 import SendOrderNotificationsRequest
from cqrs.shop.v1.types_pb2 import (
    NOTIFICATION_KIND_ORDER_CANCELLED,
    NOTIFICATION_KIND_ORDER_CONFIRMED,
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_COMPLETED,
    ORDER_STATUS_PROCESSING,
    NotificationKind,
    OrderStatus,
)

from command_service.decider import NEEDS_EFFECT, QUIET, Aggregate, Context, Decider, Decision, Effect, happened
from command_service.domains.money import spelled
from command_service.domains.shop import order_rules
from command_service.domains.shop.order_events import ORDER
from command_service.domains.shop.order_state import Order, spelled_status
from command_service.domains.shop.refusal import refuse
from command_service.mail import Mail, Mailer, message_id

_TRUE_OF: Mapping[NotificationKind.ValueType, tuple[OrderStatus.ValueType, ...]] = {
    NOTIFICATION_KIND_ORDER_CONFIRMED: (ORDER_STATUS_PROCESSING, ORDER_STATUS_COMPLETED),
    NOTIFICATION_KIND_ORDER_CANCELLED: (ORDER_STATUS_CANCELLED,),
}
"""The statuses of an order that a kind of notification goes with."""


@dataclass(frozen=True, slots=True)
class Notifications:
    """What was sent about an order."""

    sent: frozenset[NotificationKind.ValueType] = frozenset()


def decide(
    command: SendOrderNotificationsRequest, context: Context, notifications: Notifications, order: Order
) -> Decision:
    """Sent, once for each kind; raises Refused."""
    if command.kind in notifications.sent:
        return QUIET
    order_rules.exists(order)
    if not recipient(command, order):
        raise refuse(SHOP_ERROR_NO_RECIPIENT, "The order has no e-mail address to notify")
    if context.outcome is None:
        _is_so(command.kind, order)
        return NEEDS_EFFECT
    mail: Mail = context.outcome
    return happened(
        NotificationSent(order_id=command.order_id, kind=command.kind, recipient=mail.to, message_id=mail.message_id)
    )


def _is_so(kind: NotificationKind.ValueType, order: Order) -> None:
    """What the customer is to be told is true."""
    if order.status not in _TRUE_OF[kind]:
        text = f"The order is {spelled_status(order.status)}: its customer is not told otherwise"
        raise refuse(SHOP_ERROR_WRONG_MOMENT, text)


def recipient(command: SendOrderNotificationsRequest, order: Order) -> str:
    """The address that is given, or else the order's; empty where there is none."""
    return command.recipient or order.email


async def send(
    command: SendOrderNotificationsRequest, mailer: Mailer, notifications: Notifications, order: Order
) -> Mail:
    """Hand the mail over; again with the same Message-ID when the answer was lost."""
    mail = letter(command.order_id, command.kind, recipient(command, order), order)
    await mailer.send(mail)
    return mail


def letter(order_id: str, kind: NotificationKind.ValueType, to: str, order: Order) -> Mail:
    """The mail about an order; its Message-ID is that of the order and the kind, whichever command sends it."""
    shown = "".join(character if character.isprintable() else "?" for character in order_id)
    total = f"{spelled(order.total)} {order.currency}"
    name, what = "confirmed", f"Your order {shown} over {total} is confirmed."
    if kind == NOTIFICATION_KIND_ORDER_CANCELLED:
        name, what = "cancelled", f"Your order {shown} over {total} was cancelled.\n\nReason: {order.cancel_reason}"
    return Mail(message_id("order", order_id, name), to, f"Order {shown} {name}", f"Hello,\n\n{what}\n")


def evolve(notifications: Notifications, event: NotificationSent) -> Notifications:
    """With one more kind."""
    return Notifications(notifications.sent | {event.kind})


NOTIFICATION = Aggregate("shop.notification", Notifications(), evolve, (NotificationSent,))

NOTIFICATIONS = Decider(
    service="cqrs.shop.v1.NotificationCommandService",
    reads=lambda command, context: ((NOTIFICATION, command.order_id), (ORDER, command.order_id)),
    decide=decide,
    effects={SendOrderNotificationsRequest: Effect("mail", send)},
)
