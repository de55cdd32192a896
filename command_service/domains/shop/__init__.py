"""The shop's rules: carts, orders, stock, payments, and how a placed order is fulfilled."""

from typing import Literal

from cqrs.shop.v1 import commands_pb2, follow_up_commands_pb2, payment_commands_pb2, stock_commands_pb2
from cqrs.shop.v1.types_pb2 import FULFILMENT_PLAIN, FULFILMENT_SAGA

from command_service.decider import Decider
from command_service.domains.shop.analytics import ANALYTICS
from command_service.domains.shop.cart import CARTS
from command_service.domains.shop.expiry import EXPIRIES
from command_service.domains.shop.fulfilment import STEP_SECONDS, fulfilment
from command_service.domains.shop.notification import NOTIFICATIONS
from command_service.domains.shop.order import orders
from command_service.domains.shop.payment import PAYMENTS
from command_service.domains.shop.stock import STOCKS
from command_service.process import Process

CONTRACTS = (
    commands_pb2.DESCRIPTOR,
    stock_commands_pb2.DESCRIPTOR,
    payment_commands_pb2.DESCRIPTOR,
    follow_up_commands_pb2.DESCRIPTOR,
)
"""The contracts that the shop's deciders fulfil."""

Variant = Literal["saga", "plain"]


def variant(
    name: Variant = "saga", step_seconds: float = STEP_SECONDS
) -> tuple[tuple[Decider, ...], tuple[Process, ...]]:
    """The deciders and process managers where placed orders are fulfilled in this way.

    In both, orders that were placed in the other are carried on as they began: "plain" only means that no new order is
    taken up by the fulfilment, whose process manager stays to bring the old ones to their end.
    """
    carried_on_by = FULFILMENT_PLAIN if name == "plain" else FULFILMENT_SAGA
    deciders = (CARTS, orders(carried_on_by), STOCKS, PAYMENTS, NOTIFICATIONS, ANALYTICS)
    return deciders, (fulfilment(step_seconds), EXPIRIES)


DECIDERS, PROCESSES = variant()
"""Every decider and process manager of the shop, where nothing else is set."""
