"""Questions about stock items."""

from collections.abc import Sequence

from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_STOCK_ITEM_NOT_FOUND, ShopError
from cqrs.shop.v1.stock_queries_pb2 import (
    GetStockRequest,
    GetStockResponse,
    ListLowStockRequest,
    ListLowStockResponse,
)
from cqrs.shop.v1.views_pb2 import StockView

from query_service.answer import Answer, One, Page
from runtime.refusals import Refusals

PROJECTION = "shop.stock"

_refuse = Refusals(ShopError)


def _stock(request: GetStockRequest) -> One:
    return One(PROJECTION, StockView, f"stock:{request.sku}")


def _get_stock(request: GetStockRequest, stock: StockView | None) -> GetStockResponse:
    if stock is None:
        raise _refuse(SHOP_ERROR_STOCK_ITEM_NOT_FOUND, f"Stock item {request.sku} does not exist", sku=request.sku)
    return GetStockResponse(stock=stock)


def _low_stock(_request: ListLowStockRequest) -> Page:
    return Page(PROJECTION, StockView, "low_stock")


def _list_low_stock(_request: ListLowStockRequest, stock: Sequence[StockView]) -> ListLowStockResponse:
    return ListLowStockResponse(stock=stock)


ANSWERS = (
    Answer("cqrs.shop.v1.StockQueryService.GetStock", _stock, _get_stock),
    Answer("cqrs.shop.v1.StockQueryService.ListLowStock", _low_stock, _list_low_stock),
)
