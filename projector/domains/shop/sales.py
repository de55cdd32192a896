"""Step 8: sales by day, and by product and currency: orders that count are added, cancelled ones taken off again.

A product's place in a list is its figure itself. Equal figures need no order of their own there, because the best are
only ever asked for from the top, without pages; a sorted set keeps equal scores in order of their keys.
"""

from collections.abc import Iterable
from datetime import date

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1.events_pb2 import AnalyticsUpdated
from cqrs.shop.v1.views_pb2 import DailySalesView, ProductSalesView, Revenue
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from projector.domains.shop.product_sales import Sold, sold_of
from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views

_FIRST_OF_1970 = date(1970, 1, 1).toordinal()
_SECONDS = 86_400


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    event: AnalyticsUpdated = fact.event
    products = (ViewKey(ProductSalesView, _product_key(sold)) for sold in sold_of(event.items))
    return (ViewKey(DailySalesView, _day_key(_day(fact))), *products)


def _apply(fact: Fact, views: Views) -> Changes:
    event: AnalyticsUpdated = fact.event
    sign = -1 if event.retracted else 1
    day, key = _day(fact), _day_key(_day(fact))
    of_day = _counted_day(views[key], day, event, sign)
    changed: dict[str, Message | None] = {key: of_day}
    entries = []
    if views[key] is None or of_day is None:
        entries.append(IndexEntry("days", key, None if of_day is None else day.toordinal()))
    for sold in sold_of(event.items):
        key = _product_key(sold)
        product = changed[key] = _counted_product(views[key], sold, sign)
        entries += _places(key, sold.currency_code, product)
    return Changes(changed, tuple(entries))


def _counted_day(before: DailySalesView | None, day: date, event: AnalyticsUpdated, sign: int) -> DailySalesView | None:
    """The day's figures with the order; None when no order is left."""
    figures = DailySalesView(day=day.isoformat())
    if before is not None:
        figures.CopyFrom(before)
    figures.order_count += sign
    figures.item_count += sign * sum(item.quantity for item in event.items)
    revenue = _added(figures.revenue, event.total_amount, sign)
    figures.ClearField("revenue")
    figures.revenue.extend(revenue)
    return figures if figures.order_count else None


def _added(revenue: Iterable[Revenue], amount: Money, sign: int) -> list[Revenue]:
    sums = {each.currency_code: int(each.minor_units) for each in revenue}
    sums[amount.currency_code] = sums.get(amount.currency_code, 0) + sign * amount.minor_units
    return [Revenue(minor_units=str(sums[code]), currency_code=code) for code in sorted(sums) if sums[code]]


def _counted_product(before: ProductSalesView | None, sold: Sold, sign: int) -> ProductSalesView | None:
    """The product's figures with the order; None when no order is left."""
    figures = ProductSalesView(product_id=sold.product_id, currency_code=sold.currency_code, revenue="0")
    if before is not None:
        figures.CopyFrom(before)
    if sign > 0 and sold.product_name:
        figures.product_name = sold.product_name
    figures.order_count += sign
    figures.quantity += sign * sold.quantity
    figures.revenue = str(int(figures.revenue) + sign * sold.revenue)
    return figures if figures.order_count else None


def _places(key: str, currency: str, product: ProductSalesView | None) -> Iterable[IndexEntry]:
    """Exact below 2^53; beyond it two products that differ by less than that can tell may stand the other way round."""
    yield IndexEntry(f"products:revenue:{currency}", key, None if product is None else int(product.revenue))
    yield IndexEntry(f"products:quantity:{currency}", key, None if product is None else product.quantity)


def _day(fact: Fact) -> date:
    event: AnalyticsUpdated = fact.event
    time: Timestamp = event.order_time if event.HasField("order_time") else fact.record.time
    return date.fromordinal(_FIRST_OF_1970 + time.seconds // _SECONDS)


def _day_key(day: date) -> str:
    return f"day:{day.isoformat()}"


def _product_key(sold: Sold) -> str:
    return f"product:{sold.currency_code}:{sold.product_id}"


SALES = Projection(name="shop.sales", handles=(AnalyticsUpdated,), needs=_needs, apply=_apply)
