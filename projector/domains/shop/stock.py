"""Step 8: stock items to read, and the list of those that run low: one joins and leaves it as its numbers cross."""

from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.views_pb2 import StockView

from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views

StockChange = (
    events.StockReceived
    | events.StockAdjusted
    | events.ReorderPointSet
    | events.StockAllocated
    | events.StockDeallocated
    | events.StockReduced
    | events.StockReturned
    | events.StockRunLow
)
StockEvent = events.StockItemRegistered | StockChange


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    return (ViewKey(StockView, _key(fact.event)),)


def _apply(fact: Fact, views: Views) -> Changes:
    key = _key(fact.event)
    before: StockView | None = views[key]
    stock = _registered(fact.event, fact) if before is None else _changed(before, fact)
    # Every event says how much there is afterwards, so that nothing is added up here.
    stock.level.CopyFrom(fact.event.level)
    stock.low = 0 < stock.level.reorder_point >= stock.level.available
    stock.version = fact.record.version
    return Changes(views={key: stock}, indexes=_entries(key, before is not None and before.low, stock))


def _registered(event: StockEvent, fact: Fact) -> StockView:
    if not isinstance(event, events.StockItemRegistered):
        raise LookupError(f"{fact.record.type} of {_key(event)}, which has no view: it was never registered")
    return StockView(sku=event.sku, name=event.name, create_time=fact.record.time, create_position=fact.position)


def _changed(before: StockView, fact: Fact) -> StockView:
    stock = StockView()
    stock.CopyFrom(before)
    stock.update_time.CopyFrom(fact.record.time)
    return stock


def _entries(key: str, was_low: bool, stock: StockView) -> tuple[IndexEntry, ...]:
    """What changes in the list; the place there is the item's registration, whenever it runs low."""
    if was_low == stock.low:
        return ()
    return (IndexEntry("low_stock", key, stock.create_position if stock.low else None),)


def _key(event: StockEvent) -> str:
    return f"stock:{event.sku}"


STOCK = Projection(
    name="shop.stock",
    handles=(
        events.StockItemRegistered,
        events.StockReceived,
        events.StockAdjusted,
        events.ReorderPointSet,
        events.StockAllocated,
        events.StockDeallocated,
        events.StockReduced,
        events.StockReturned,
        events.StockRunLow,
    ),
    needs=_needs,
    apply=_apply,
)
