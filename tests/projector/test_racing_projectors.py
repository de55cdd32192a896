"""Two projectors on one store, in the orders of events that hurt: one reads what the other has just written."""

from collections.abc import Sequence

from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import OrderItem
from cqrs.shop.v1.views_pb2 import OrderView
from google.protobuf.message import Message

from projector.consume import Verified
from projector.domains.shop.orders import ORDERS
from projector.events import Events
from projector.project import Batches
from projector.runner import STOPPED, Runner
from projector.views import MemoryViews
from runtime.record import genesis, link
from runtime.upcast import UPCASTERS
from tests.running import eur

EPOCH = "0192d3a0-0000-7000-8000-000000000001"


def item(product_id: str) -> OrderItem:
    return OrderItem(product_id=product_id, quantity=2, price=eur(100))


def verified(*facts: Message) -> list[Verified]:
    """The facts as a log of their own, in one stream."""
    chain, records = genesis(EPOCH), []
    for position, fact in enumerate(facts, 1):
        record = Record(
            type=fact.DESCRIPTOR.full_name, stream="shop.order-o", version=position, data=fact.SerializeToString()
        )
        chain = link(chain, position, record.SerializeToString())
        records.append(Verified(EPOCH, position, chain, record))
    return records


class Projecting:
    """One projector of the orders."""

    def __init__(self, views: MemoryViews) -> None:
        self.runner = Runner(ORDERS, cached_views=100)
        self._views = views
        self._batches = Batches(views, Events(self.runner.handles, UPCASTERS))

    async def begin(self) -> None:
        (place,) = await self._views.places([ORDERS.name])
        self.runner.adopt(place)

    async def project(self, records: Sequence[Verified]) -> None:
        await self._batches.project(records, [self.runner])


LOG = verified(
    events.OrderCreated(order_id="o", customer_id="c", items=[item("a")], total_amount=eur(200)),
    events.OrderItemAdded(order_id="o", item=item("b"), total_amount=eur(400)),
    events.ShippingAddressChanged(order_id="o"),
    events.OrderItemQuantityChanged(
        order_id="o", product_id="b", price=eur(100), quantity=3, total_amount=eur(500)
    ),
    events.OrderItemRemoved(order_id="o", product_id="b", total_amount=eur(200)),
    events.ShippingAddressChanged(order_id="o"),
)  # fmt: skip


async def two_after(count: int) -> tuple[MemoryViews, Projecting, Projecting]:
    """Two projectors that begin where `count` records are projected."""
    views = MemoryViews()
    first = Projecting(views)
    await first.begin()
    await first.project(LOG[:count])
    one, other = Projecting(views), Projecting(views)
    await one.begin()
    await other.begin()
    return views, one, other


def shown(views: MemoryViews) -> dict[str, int]:
    order = OrderView.FromString(views.views[ORDERS.name, "1", "order:o"])
    return {line.product_id: line.quantity for line in order.items}


# promise 001-53, 002-18
async def test_what_was_folded_from_views_that_were_newer_is_forgotten() -> None:
    views, one, other = await two_after(1)
    await other.project(LOG[1:2])
    await one.project(LOG[1:2])  # reads the view that has the item already, and comes too late
    await one.project(LOG[2:3])
    assert shown(views) == {"a": 2, "b": 2}


async def test_a_record_that_fails_on_a_view_that_is_newer_stops_nothing() -> None:
    views, one, other = await two_after(3)
    await other.project(LOG[3:5])
    await one.project(LOG[3:5])  # the line whose quantity changes is gone in the view that it reads
    assert (one.runner.state.state == STOPPED, one.runner.position) == (False, 5)
    await one.project(LOG[5:])
    assert (shown(views), one.runner.position) == ({"a": 2}, 6)
