"""Sales of days added up: by week, by month, in all."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby

from cqrs.shop.v1.sales_queries_pb2 import (
    SALES_BUCKET_MONTH,
    SALES_BUCKET_WEEK,
    GetSalesSummaryRequest,
    SalesBucket,
    SalesPeriod,
)
from cqrs.shop.v1.views_pb2 import DailySalesView, Revenue


def periods_of(request: GetSalesSummaryRequest, days: Sequence[DailySalesView]) -> Iterable[SalesPeriod]:
    """The periods that have sales, the earliest first, as `days` are; none reaches beyond the days asked for."""

    def begins(day: DailySalesView) -> date:
        return _first_of(date.fromisoformat(day.day), request.bucket)

    for first, group in groupby(days, begins):
        of_period = list(group)
        yield SalesPeriod(
            first_day=max(first.isoformat(), request.from_day),
            last_day=min(_last_of(first, request.bucket).isoformat(), request.to_day),
            order_count=sum(day.order_count for day in of_period),
            item_count=sum(day.item_count for day in of_period),
            revenue=revenue_of(of_period),
        )


def revenue_of(days: Iterable[DailySalesView]) -> Sequence[Revenue]:
    """The sum of the days' revenue, one amount per currency, by currency code; as on the days, none is zero."""
    sums: dict[str, int] = {}
    for day in days:
        for each in day.revenue:
            sums[each.currency_code] = sums.get(each.currency_code, 0) + int(each.minor_units)
    return [Revenue(minor_units=str(sums[code]), currency_code=code) for code in sorted(sums)]


def _first_of(day: date, bucket: SalesBucket.ValueType) -> date:
    if bucket == SALES_BUCKET_WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if bucket == SALES_BUCKET_MONTH else day


def _last_of(first: date, bucket: SalesBucket.ValueType) -> date:
    if bucket == SALES_BUCKET_WEEK:
        return date.fromordinal(min(first.toordinal() + 6, date.max.toordinal()))
    if bucket == SALES_BUCKET_MONTH:
        return first.replace(day=monthrange(first.year, first.month)[1])
    return first
