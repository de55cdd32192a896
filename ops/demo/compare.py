"""Demo, step 6: read every order and every customer's list back and hold them against what the file says."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cqrs.common.v1.common_pb2 import ConsistencyToken, ReadConsistency
from cqrs.shop.v1.queries_pb2 import GetOrderRequest, ListCustomerOrdersRequest
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_PENDING, ORDER_STATUS_UNSPECIFIED, OrderStatus
from cqrs.shop.v1.views_pb2 import OrderView
from google.protobuf.duration_pb2 import Duration

from ops.demo.client import CallRefused, Shop
from ops.demo.expected import Expected, ExpectedOrder


class Comparison:
    """What the shop shows after a token, and where it is not what the file says."""

    def __init__(self, queries: Shop, run: str, after: ConsistencyToken) -> None:
        self._queries = queries
        self._run = run
        self._fresh = ReadConsistency(at_least_token=after, max_wait=Duration(seconds=30))
        self.differences: list[str] = []
        self.revenue = Decimal(0)
        """Of the orders as they were read back, cancelled ones aside."""

    async def compare(self, expected: Expected) -> None:
        """Every order by its id, and every customer's list, whole and by status, newest first."""
        customers: defaultdict[str, list[ExpectedOrder]] = defaultdict(list)
        for order in expected.orders:
            customers[order.customer].append(order)
        await self._in_batches(self._order(order) for order in expected.orders)
        await self._in_batches(self._lists(customer, orders) for customer, orders in customers.items())
        if self.revenue != expected.revenue:
            self.differences.append(f"revenue {self.revenue}, the file says {expected.revenue}")

    async def _in_batches(self, checks: Iterable[Coroutine[Any, Any, None]]) -> None:
        async with asyncio.TaskGroup() as group:
            for check in checks:
                group.create_task(check)

    async def _order(self, order: ExpectedOrder) -> None:
        order_id = f"{self._run}-{order.invoice}"
        request = GetOrderRequest(consistency=self._fresh, order_id=order_id)
        try:
            view: OrderView = (await self._queries.ask(self._queries.order_queries.GetOrder, request)).order
        except CallRefused as refused:
            self.differences.append(f"{order_id}: {refused}")
            return
        if view.status != ORDER_STATUS_CANCELLED:
            self.revenue += _pounds(view.total_amount.minor_units)
        for what, shown, right in self._points(view, order):
            if shown != right:
                self.differences.append(f"{order_id}: {what} {shown}, the file says {right}")

    def _points(self, view: OrderView, order: ExpectedOrder) -> Iterable[tuple[str, object, object]]:
        lines = [((item.product_id, _pounds(item.price.minor_units)), item.quantity) for item in view.items]
        when = datetime.fromisoformat(order.when).replace(tzinfo=UTC)
        yield "items", sorted(lines), sorted(order.quantities.items())
        yield "item count", view.item_count, len(order.quantities)
        yield "total", _pounds(view.total_amount.minor_units), order.total
        yield "currency", {view.total_amount.currency_code, *(each.price.currency_code for each in view.items)}, {"GBP"}
        yield "status", OrderStatus.Name(view.status), OrderStatus.Name(_status(order))
        yield "customer", view.customer.customer_id, f"{self._run}-{order.customer}"
        yield "order time", view.order_time.ToDatetime(UTC), when

    async def _lists(self, customer: str, orders: list[ExpectedOrder]) -> None:
        for status in (ORDER_STATUS_UNSPECIFIED, ORDER_STATUS_PENDING, ORDER_STATUS_CANCELLED):
            right = [f"{self._run}-{order.invoice}" for order in reversed(orders) if status in (0, _status(order))]
            shown = await self._list(f"{self._run}-{customer}", status)
            if shown != right:
                name = OrderStatus.Name(status).lower()
                self.differences.append(f"list of {customer} ({name}): {shown}, the file says {right}")

    async def _list(self, customer_id: str, status: OrderStatus.ValueType) -> list[str]:
        shown: list[str] = []
        token = ""
        while True:
            request = ListCustomerOrdersRequest(
                consistency=self._fresh, customer_id=customer_id, status=status, page_size=100, page_token=token
            )
            page = await self._queries.ask(self._queries.order_queries.ListCustomerOrders, request)
            shown.extend(order.order_id for order in page.orders)
            token = page.next_page_token
            if not token:
                return shown if page.total_size == len(shown) else [*shown, f"total_size {page.total_size}"]


def _status(order: ExpectedOrder) -> OrderStatus.ValueType:
    return ORDER_STATUS_CANCELLED if order.cancelled else ORDER_STATUS_PENDING


def _pounds(pence: int) -> Decimal:
    return Decimal(pence) / 100
