"""Fulfilment demo, step 7: ask everything back and hold it against what the file and the cards say."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from cqrs.common.v1.common_pb2 import ConsistencyToken, ReadConsistency
from cqrs.shop.v1.payment_queries_pb2 import GetPaymentRequest
from cqrs.shop.v1.queries_pb2 import GetOrderRequest
from cqrs.shop.v1.stock_queries_pb2 import GetStockRequest
from cqrs.shop.v1.types_pb2 import (
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_PROCESSING,
    PAYMENT_STATUS_AUTHORIZED,
    PAYMENT_STATUS_CAPTURED,
    OrderStatus,
    PaymentStatus,
)
from cqrs.shop.v1.views_pb2 import PaymentView, StockView
from google.protobuf.duration_pb2 import Duration

from ops.demo.client import CallRefused
from ops.demo_fulfilment.client import ShopQueries
from ops.demo_fulfilment.expected import CANCELLED, CONFIRMED, ExpectedDay
from ops.demo_fulfilment.outside import Booked, Mails
from ops.demo_fulfilment.requests import sku

_OUTCOMES = {ORDER_STATUS_PROCESSING: CONFIRMED, ORDER_STATUS_CANCELLED: CANCELLED}


class Comparison:
    """What the shop and the world outside show of a run, and where it is not what the file and the cards say."""

    def __init__(self, queries: ShopQueries, run: str, after: ConsistencyToken) -> None:
        self._queries = queries
        self._run = run
        self._fresh = ReadConsistency(at_least_token=after, max_wait=Duration(seconds=30))
        self._expected = ExpectedDay()
        self.outcomes: dict[str, str] = {}
        """CONFIRMED, CANCELLED or what else the order says of itself, by invoice."""
        self.stock_negative = 0
        """Stock items of which any number is below zero."""
        self.captured = Decimal(0)
        """What GetPayment says was collected and not paid back, in pounds."""
        self.differences: list[str] = []

    async def compare(self, expected: ExpectedDay, books: Mapping[str, Booked], mails: Mails) -> None:
        """Every order, its payment here and at the provider, its mails, and every stock item."""
        self._expected = expected
        async with asyncio.TaskGroup() as group:
            for invoice in expected.outcomes:
                group.create_task(self._order(invoice))
                group.create_task(self._payment(invoice))
            for code in expected.left:
                group.create_task(self._stock(code))
        self._is("captured", self.captured, expected.captured)
        self._books(books)
        self._mails(mails)

    async def _order(self, invoice: str) -> None:
        request = GetOrderRequest(consistency=self._fresh, order_id=f"{self._run}-{invoice}")
        try:
            order = (await self._queries.ask(self._queries.orders.GetOrder, request)).order
        except CallRefused as refused:
            shown = str(refused)
        else:
            shown = _OUTCOMES.get(order.status, OrderStatus.Name(order.status))
        self.outcomes[invoice] = shown
        self._is(f"order {invoice}", shown, self._expected.outcomes[invoice])

    async def _payment(self, invoice: str) -> None:
        request = GetPaymentRequest(consistency=self._fresh, order_id=f"{self._run}-{invoice}")
        try:
            view: PaymentView = (await self._queries.ask(self._queries.payments.GetPayment, request)).payment
        except CallRefused as refused:
            self._is(f"payment {invoice}", str(refused), "to be found")
            return
        is_paid = invoice in self._expected.totals
        paid = Decimal(view.captured_amount.minor_units - view.refunded_amount.minor_units) / 100
        self.captured += paid
        self._is(f"payment {invoice}: captured", paid, self._expected.totals.get(invoice, Decimal(0)))
        status = PaymentStatus.Name(view.status)
        if is_paid or view.status in (PAYMENT_STATUS_AUTHORIZED, PAYMENT_STATUS_CAPTURED):
            right = PaymentStatus.Name(PAYMENT_STATUS_CAPTURED) if is_paid else "nothing held"
            self._is(f"payment {invoice}: status", status, right)

    async def _stock(self, code: str) -> None:
        request = GetStockRequest(consistency=self._fresh, sku=sku(self._run, code))
        try:
            view: StockView = (await self._queries.ask(self._queries.stock.GetStock, request)).stock
        except CallRefused as refused:
            self._is(f"stock of {code}", str(refused), "to be found")
            return
        level = (view.level.on_hand, view.level.reserved, view.level.available)
        self.stock_negative += min(level) < 0
        left = self._expected.left[code]
        self._is(f"stock of {code}: on hand, reserved, available", level, (left, 0, left))

    def _books(self, books: Mapping[str, Booked]) -> None:
        for invoice in {**self._expected.outcomes, **books}:
            booked = books.get(invoice, Booked())
            self._is(f"order {invoice} at the provider: open authorisations", booked.held, 0)
            right = self._expected.totals.get(invoice, Decimal(0))
            self._is(f"order {invoice} at the provider: captured", booked.collected, right)
        captured = sum((each.collected for each in books.values()), Decimal(0))
        self._is("captured at the provider", captured, self._expected.captured)

    def _mails(self, mails: Mails) -> None:
        right = dict.fromkeys(self._expected.outcomes.items(), 1)
        for about in {**right, **mails}:
            shown = len(set(mails.get(about, ())))
            self._is(f"Message-IDs of mails that order {about[0]} is {about[1]}:", shown, right.get(about, 0))
        ids = [each for found in mails.values() for each in set(found)]
        self._is("different Message-IDs", len(set(ids)), len(ids))

    def _is(self, what: str, shown: object, right: object) -> None:
        if shown != right:
            self.differences.append(f"{what} {_spelled(shown)}, the file says {_spelled(right)}")


def _spelled(value: object) -> str:
    match value:
        case Decimal():
            return f"{value:.2f}"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
