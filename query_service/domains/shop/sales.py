"""Questions about sales."""

from collections.abc import Sequence
from datetime import date

from cqrs.shop.v1.sales_queries_pb2 import (
    PRODUCT_ORDER_QUANTITY,
    GetSalesSummaryRequest,
    GetSalesSummaryResponse,
    GetTopProductsRequest,
    GetTopProductsResponse,
)
from cqrs.shop.v1.views_pb2 import DailySalesView, ProductSalesView

from query_service.answer import Answer, Top
from query_service.domains.shop.periods import periods_of, revenue_of
from query_service.paging import DEFAULT_SIZE, LARGEST_SIZE
from runtime.validation import invalid

PROJECTION = "shop.sales"
MOST_DAYS = 366


def _days(request: GetSalesSummaryRequest) -> Top:
    first, last = _day("from_day", request.from_day), _day("to_day", request.to_day)
    if last < first:
        raise invalid([("to_day", f"The last day {request.to_day} is before the first one {request.from_day}")])
    days = (last - first).days + 1
    if days > MOST_DAYS:
        raise invalid([("to_day", f"At most {MOST_DAYS} days can be asked for at once, not {days}")])
    return Top(PROJECTION, DailySalesView, "days", days, low=first.toordinal(), high=last.toordinal() + 1)


def _day(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid([(field, f"There is no day {text}")]) from None


def _get_sales_summary(
    request: GetSalesSummaryRequest, newest_first: Sequence[DailySalesView]
) -> GetSalesSummaryResponse:
    days = newest_first[::-1]
    return GetSalesSummaryResponse(
        periods=periods_of(request, days),
        order_count=sum(day.order_count for day in days),
        item_count=sum(day.item_count for day in days),
        revenue=revenue_of(days),
    )


def _products(request: GetTopProductsRequest) -> Top:
    by = "quantity" if request.order_by == PRODUCT_ORDER_QUANTITY else "revenue"
    size = min(request.page_size or DEFAULT_SIZE, LARGEST_SIZE)
    return Top(PROJECTION, ProductSalesView, f"products:{by}:{request.currency_code}", size)


def _get_top_products(_request: GetTopProductsRequest, products: Sequence[ProductSalesView]) -> GetTopProductsResponse:
    return GetTopProductsResponse(products=products)


ANSWERS = (
    Answer("cqrs.shop.v1.SalesQueryService.GetSalesSummary", _days, _get_sales_summary),
    Answer("cqrs.shop.v1.SalesQueryService.GetTopProducts", _products, _get_top_products),
)
