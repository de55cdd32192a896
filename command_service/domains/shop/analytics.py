"""Step 4: an order's place in the sales figures: counted once when it stands, and off again when it is cancelled."""

from dataclasses import dataclass

from cqrs.shop.v1.events_pb2 import AnalyticsUpdated
from cqrs.shop.v1.follow_up_commands_pb2 import UpdateAnalyticsRequest
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_CANCELLED

from command_service.decider import QUIET, Aggregate, Context, Decider, Decision, happened
from command_service.domains.shop import order_rules
from command_service.domains.shop.order_events import ORDER
from command_service.domains.shop.order_state import Order


@dataclass(frozen=True, slots=True)
class Counted:
    """Whether an order stands in the figures."""

    counted: bool = False
    retracted: bool = False
    """A cancelled order never comes back."""


def decide(command: UpdateAnalyticsRequest, context: Context, counted: Counted, order: Order) -> Decision:
    """The figures with the order as it is now; raises Refused."""
    order_rules.exists(order)
    cancelled = order.status == ORDER_STATUS_CANCELLED
    is_right = counted.counted != cancelled
    if counted.retracted or is_right:
        return QUIET
    return happened(
        AnalyticsUpdated(
            order_id=command.order_id,
            order_time=order.order_time,
            items=order.items,
            total_amount=order.total,
            retracted=cancelled,
        )
    )


def evolve(counted: Counted, event: AnalyticsUpdated) -> Counted:
    """Counted, or off again."""
    return Counted(not event.retracted, event.retracted)


ANALYTICS_OF_ORDER = Aggregate("shop.analytics", Counted(), evolve, (AnalyticsUpdated,))

ANALYTICS = Decider(
    service="cqrs.shop.v1.AnalyticsCommandService",
    reads=lambda command, context: ((ANALYTICS_OF_ORDER, command.order_id), (ORDER, command.order_id)),
    decide=decide,
)
