"""Questions about orders."""

from collections.abc import Sequence

from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_ORDER_NOT_FOUND, ShopError
from cqrs.shop.v1.history_queries_pb2 import GetOrderHistoryRequest, GetOrderHistoryResponse
from cqrs.shop.v1.queries_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListCustomerOrdersRequest,
    ListCustomerOrdersResponse,
    ListOrdersRequest,
    ListOrdersResponse,
)
from cqrs.shop.v1.types_pb2 import OrderStatus
from cqrs.shop.v1.views_pb2 import OrderHistoryEntry, OrderView

from query_service.answer import Answer, One, Page
from runtime.refusals import Refusals

PROJECTION = "shop.orders"

_refuse = Refusals(ShopError)


def _order(request: GetOrderRequest) -> One:
    return One(PROJECTION, OrderView, f"order:{request.order_id}")


def _get_order(request: GetOrderRequest, order: OrderView | None) -> GetOrderResponse:
    if order is None:
        text = "The order you requested does not exist."
        raise _refuse(SHOP_ERROR_ORDER_NOT_FOUND, text, order_id=request.order_id)
    return GetOrderResponse(order=order)


def _orders(_request: ListOrdersRequest) -> Page:
    return Page(PROJECTION, OrderView, "orders")


def _list_orders(_request: ListOrdersRequest, orders: Sequence[OrderView]) -> ListOrdersResponse:
    return ListOrdersResponse(orders=orders)


def _customer_orders(request: ListCustomerOrdersRequest) -> Page:
    if not request.status:
        return Page(PROJECTION, OrderView, f"customer:{request.customer_id}")
    status = OrderStatus.Name(request.status).removeprefix("ORDER_STATUS_").lower()
    return Page(PROJECTION, OrderView, f"customer_status:{status}:{request.customer_id}")


def _list_customer_orders(
    _request: ListCustomerOrdersRequest, orders: Sequence[OrderView]
) -> ListCustomerOrdersResponse:
    return ListCustomerOrdersResponse(orders=orders)


def _history(request: GetOrderHistoryRequest) -> Page:
    return Page("shop.history", OrderHistoryEntry, f"order:{request.order_id}")


def _get_order_history(
    _request: GetOrderHistoryRequest, entries: Sequence[OrderHistoryEntry]
) -> GetOrderHistoryResponse:
    return GetOrderHistoryResponse(entries=entries)


ANSWERS = (
    Answer("cqrs.shop.v1.OrderQueryService.GetOrder", _order, _get_order),
    Answer("cqrs.shop.v1.OrderQueryService.ListOrders", _orders, _list_orders),
    Answer("cqrs.shop.v1.OrderQueryService.ListCustomerOrders", _customer_orders, _list_customer_orders),
    Answer("cqrs.shop.v1.OrderHistoryQueryService.GetOrderHistory", _history, _get_order_history),
)
