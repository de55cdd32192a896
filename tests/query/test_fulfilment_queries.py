"""What is answered of stock, payments, an order's past and sales."""

import grpc
import pytest
from cqrs.shop.v1 import sales_queries_pb2 as sales
from cqrs.shop.v1.history_queries_pb2 import GetOrderHistoryRequest
from cqrs.shop.v1.history_queries_pb2_grpc import OrderHistoryQueryServiceStub
from cqrs.shop.v1.payment_queries_pb2 import GetPaymentRequest
from cqrs.shop.v1.payment_queries_pb2_grpc import PaymentQueryServiceStub
from cqrs.shop.v1.sales_queries_pb2_grpc import SalesQueryServiceStub
from cqrs.shop.v1.stock_queries_pb2 import GetStockRequest, ListLowStockRequest
from cqrs.shop.v1.stock_queries_pb2_grpc import StockQueryServiceStub
from cqrs.shop.v1.types_pb2 import PAYMENT_STATUS_CAPTURED, OrderItem, StockLevel
from cqrs.shop.v1.views_pb2 import OrderHistoryEntry, PaymentView, Revenue, StockView

from projector.domains.shop.sales import SALES
from query_service.memory_read_store import MemoryReadStore
from tests.query.errors import reason, violations
from tests.query.writers import at
from tests.shop.folding import Folded
from tests.shop.messages import item
from tests.shop.test_fulfilment_views import counted


@pytest.fixture
def stock(channel: grpc.aio.Channel) -> StockQueryServiceStub:
    return StockQueryServiceStub(channel)


@pytest.fixture
def figures(channel: grpc.aio.Channel) -> SalesQueryServiceStub:
    return SalesQueryServiceStub(channel)


def days(first: str, last: str, bucket: sales.SalesBucket.ValueType = sales.SALES_BUCKET_UNSPECIFIED) -> object:
    return sales.GetSalesSummaryRequest(from_day=first, to_day=last, bucket=bucket)


def sold(store: MemoryReadStore, *orders: tuple[int, OrderItem]) -> None:
    """Put the figures of orders, of one item on a day of 1970 each, into a store."""
    folded = Folded(SALES)
    for number, (day, line) in enumerate(orders):
        folded.fold(counted(line, order_id=f"order-{number}", seconds=86_400 * day))
    views = {key: view.SerializeToString() for key, view in folded.views.items()}
    store.apply("shop.sales", at(folded.position), views, folded.lists)


async def test_a_stock_item_is_answered_as_it_is_stored_and_an_unknown_one_is_not_found(
    store: MemoryReadStore, stock: StockQueryServiceStub
) -> None:
    view = StockView(sku="a", level=StockLevel(on_hand=3, reserved=1, available=2), version=4)
    store.apply("shop.stock", at(4), {"stock:a": view.SerializeToString()})
    assert (await stock.GetStock(GetStockRequest(sku="a"))).stock == view
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stock.GetStock(GetStockRequest(sku="b"))
    assert (refused.value.code(), refused.value.details()) == (
        grpc.StatusCode.NOT_FOUND,
        "Stock item b does not exist",
    )
    assert reason(refused.value) == ("STOCK_ITEM_NOT_FOUND", "cqrs.shop.v1")


async def test_low_stock_is_listed_in_pages_the_last_registered_first(
    store: MemoryReadStore, stock: StockQueryServiceStub
) -> None:
    views = {f"stock:{number}": StockView(sku=str(number)).SerializeToString() for number in range(1, 6)}
    store.apply("shop.stock", at(9), views, {"low_stock": {f"stock:{number}": number for number in (1, 2, 4)}})
    first = await stock.ListLowStock(ListLowStockRequest(page_size=2))
    assert ([each.sku for each in first.stock], first.total_size) == (["4", "2"], 3)
    second = await stock.ListLowStock(ListLowStockRequest(page_size=2, page_token=first.next_page_token))
    assert ([each.sku for each in second.stock], second.next_page_token) == (["1"], "")


async def test_a_payment_is_answered_as_it_is_stored_and_none_is_not_found(
    store: MemoryReadStore, channel: grpc.aio.Channel
) -> None:
    payments = PaymentQueryServiceStub(channel)
    view = PaymentView(order_id="o", status=PAYMENT_STATUS_CAPTURED, version=2)
    store.apply("shop.payments", at(2), {"payment:o": view.SerializeToString()})
    assert (await payments.GetPayment(GetPaymentRequest(order_id="o"))).payment == view
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await payments.GetPayment(GetPaymentRequest(order_id="p"))
    assert refused.value.details() == "The order has no payment"
    assert reason(refused.value) == ("PAYMENT_NOT_FOUND", "cqrs.shop.v1")


async def test_an_order_s_history_is_listed_newest_first_in_pages(
    store: MemoryReadStore, channel: grpc.aio.Channel
) -> None:
    history = OrderHistoryQueryServiceStub(channel)
    entries = {f"entry:o:{number}": OrderHistoryEntry(order_id="o", position=number) for number in range(1, 131)}
    views = {key: entry.SerializeToString() for key, entry in entries.items()}
    store.apply("shop.history", at(130), views, {"order:o": {key: int(key[8:]) for key in entries}})
    first = await history.GetOrderHistory(GetOrderHistoryRequest(order_id="o", page_size=1000))
    assert [entry.position for entry in first.entries] == list(range(130, 30, -1))
    rest = GetOrderHistoryRequest(order_id="o", page_size=100, page_token=first.next_page_token)
    assert [entry.position for entry in (await history.GetOrderHistory(rest)).entries] == list(range(30, 0, -1))
    assert (await history.GetOrderHistory(GetOrderHistoryRequest(order_id="p"))).total_size == 0


A, B, DOLLARS = item("a", 2, 500), item("b", 3, 100), item("a", 1, 700, "USD")


async def test_sales_are_summed_up_by_day_with_the_bounds_included(
    store: MemoryReadStore, figures: SalesQueryServiceStub
) -> None:
    sold(store, (0, A), (1, A), (1, DOLLARS), (3, B), (4, A))
    found = await figures.GetSalesSummary(days("1970-01-02", "1970-01-04"))
    assert [(each.first_day, each.last_day, each.order_count) for each in found.periods] == [
        ("1970-01-02", "1970-01-02", 2),
        ("1970-01-04", "1970-01-04", 1),
    ]
    assert (found.order_count, found.item_count) == (3, 6)
    assert list(found.revenue) == [
        Revenue(minor_units="1300", currency_code="EUR"),
        Revenue(minor_units="700", currency_code="USD"),
    ]
    assert found.metadata.as_of.position == 105


async def test_sales_are_summed_up_by_week_and_by_month_within_the_days_asked_for(
    store: MemoryReadStore, figures: SalesQueryServiceStub
) -> None:
    sold(store, (0, A), (3, A), (4, B), (30, B), (31, B))  # 1970-01-01 was a Thursday
    weeks = await figures.GetSalesSummary(days("1970-01-02", "1970-01-31", sales.SALES_BUCKET_WEEK))
    assert [(each.first_day, each.last_day, each.order_count) for each in weeks.periods] == [
        ("1970-01-02", "1970-01-04", 1),
        ("1970-01-05", "1970-01-11", 1),
        ("1970-01-26", "1970-01-31", 1),
    ]
    months = await figures.GetSalesSummary(days("1970-01-01", "1970-12-31", sales.SALES_BUCKET_MONTH))
    assert [(each.first_day, each.last_day, each.item_count) for each in months.periods] == [
        ("1970-01-01", "1970-01-31", 10),
        ("1970-02-01", "1970-02-28", 3),
    ]


async def test_a_leap_year_of_sales_is_one_answer(store: MemoryReadStore, figures: SalesQueryServiceStub) -> None:
    sold(store, *((day, B) for day in range(730, 730 + 366)))
    found = await figures.GetSalesSummary(days("1972-01-01", "1972-12-31"))
    assert (len(found.periods), found.order_count) == (366, 366)


@pytest.mark.parametrize(
    ("first", "last", "field", "text"),
    [
        ("1970-1-1", "1970-01-02", "from_day", "Day must be YYYY-MM-DD"),
        ("1970-01-01", "1970-02-30", "to_day", "There is no day 1970-02-30"),
        ("0000-01-01", "1970-01-01", "from_day", "There is no day 0000-01-01"),
        (
            "1970-01-02",
            "1970-01-01",
            "to_day",
            "The last day 1970-01-01 is before the first one 1970-01-02",
        ),
        ("1970-01-01", "1971-01-02", "to_day", "At most 366 days can be asked for at once, not 367"),
    ],
)
async def test_days_that_are_none_or_too_many_are_refused(
    figures: SalesQueryServiceStub, first: str, last: str, field: str, text: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await figures.GetSalesSummary(days(first, last))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert violations(refused.value) == [(field, text)]


# promise 000-6, 000-40
async def test_the_products_that_sold_best_come_first_by_revenue_or_by_quantity(
    store: MemoryReadStore, figures: SalesQueryServiceStub
) -> None:
    sold(store, (0, A), (0, B), (1, DOLLARS), (2, item("c", 1, 1000)))

    async def best(**asked: object) -> list[str]:
        found = await figures.GetTopProducts(sales.GetTopProductsRequest(currency_code="EUR", **asked))
        return [each.product_id for each in found.products]

    assert await best() == ["c", "a", "b"]  # of equals the later id first
    assert await best(order_by=sales.PRODUCT_ORDER_QUANTITY, page_size=2) == ["b", "a"]
    assert await best(page_size=1000) == ["c", "a", "b"]
    dollars = await figures.GetTopProducts(sales.GetTopProductsRequest(currency_code="USD"))
    assert [(each.product_id, each.revenue) for each in dollars.products] == [("a", "700")]
