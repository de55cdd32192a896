"""What stock, payments, an order's past and sales must look like, folded from their events into dictionaries.

It shares nothing with the projector: it was written from the contracts' comments, and it imports contracts alone.
Stock is counted from the quantities of the events, not taken from what they say there is afterwards.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cqrs.log.v1.record_pb2 import Record

from tests.plain import Indexes, Plain, plain
from tests.plain_orders import PAID, paid_after

ON_HAND = {"StockReceived": 1, "StockReduced": -1, "StockReturned": 1}
SINGLE_MOVES = ("StockAllocated", "StockDeallocated", "StockReduced", "StockReturned")
"""What a reservation does to one stock item: in its order's past there is the reservation's own event instead."""


@dataclass
class PlainStock:
    """Stock items by key, and the list of those that run low."""

    views: dict[str, Plain] = field(default_factory=dict)
    held: dict[str, Plain] = field(default_factory=dict)
    """What each order has reserved, by stock item."""

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one event of the shop."""
        if not record.stream.startswith("shop.stock-"):
            return
        sku, quantity, time = event["sku"], event.get("quantity", 0), plain(record.time)
        stock = self.views.setdefault(f"stock:{sku}", {"sku": sku, "reserved": 0, "on_hand": 0, "reorder_point": 0})
        if name == "StockItemRegistered":
            stock |= {"name": event.get("name"), "create_time": time, "create_position": position}
            stock["on_hand"] = event.get("level", {}).get("on_hand", 0)
        else:
            stock["update_time"] = time
        if name in ("StockItemRegistered", "ReorderPointSet"):
            stock["reorder_point"] = event.get("level", {}).get("reorder_point", 0)
        if name == "StockAdjusted":
            stock["on_hand"] = event.get("count", 0)
        stock["on_hand"] += ON_HAND.get(name, 0) * quantity
        self._hold(stock, name, event)
        stock["version"] = record.version
        _level(stock)

    def _hold(self, stock: Plain, name: str, event: Plain) -> None:
        held = self.held.setdefault(event["sku"], {})
        if name == "StockAllocated":
            held[event["order_id"]] = event["quantity"]
        elif name in ("StockDeallocated", "StockReduced"):
            held.pop(event["order_id"], None)  # what was reduced may never have been reserved
        stock["reserved"] = sum(held.values())

    def indexes(self) -> Indexes:
        """Those that run low."""
        low = {key: stock["create_position"] for key, stock in self.views.items() if stock["low"]}
        return {"low_stock": low} if low else {}


def _level(stock: Plain) -> None:
    available = stock["on_hand"] - stock["reserved"]
    numbers = {name: stock[name] for name in ("on_hand", "reserved", "reorder_point")} | {"available": available}
    stock["level"] = {name: number for name, number in numbers.items() if number}
    stock["low"] = available <= stock["reorder_point"] and stock["reorder_point"] > 0


@dataclass
class PlainPayments:
    """Payments by key."""

    views: dict[str, Plain] = field(default_factory=dict)

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one event of the shop."""
        if name not in PAID:
            return
        key, time = f"payment:{event['order_id']}", plain(record.time)
        if key in self.views:
            self.views[key]["update_time"] = time
        payment = self.views.setdefault(key, {"order_id": event["order_id"], "create_time": time})
        payment |= {"status": paid_after(name, event, payment.get("status"))}
        if name in ("PaymentAuthorized", "PaymentDeclined"):
            payment |= {
                "amount": event["amount"],
                "last_four": event["payment"].get("last_four"),
                "provider_reference": event.get("provider_reference"),
                "decline_reason": event.get("reason"),
            }
        elif name == "PaymentCaptured":
            payment["captured_amount"] = event["amount"]
        elif name == "PaymentRefunded":
            payment["refunded_amount"] = event["refunded_amount"]
        payment["version"] = record.version

    def indexes(self) -> Indexes:
        """There are none."""
        return {}


@dataclass
class PlainHistory:
    """Entries by key, and the list of each order."""

    views: dict[str, Plain] = field(default_factory=dict)
    lists: Indexes = field(default_factory=dict)
    unspoken: frozenset[str] = frozenset(("text",))
    """Fields that are worded by the projector, and are left to its own tests."""

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one event of the shop."""
        order_id = event.get("order_id")
        if order_id is None or name in SINGLE_MOVES:
            return
        key = f"entry:{order_id}:{position}"
        self.views[key] = {
            "order_id": order_id,
            "position": position,
            "time": plain(record.time),
            "type": record.type,
            "stream": record.stream,
            "version": record.version,
            "actor": record.actor,
            "correlation_id": record.correlation_id,
            "amount": event.get("amount") or event.get("total_amount"),
        }
        self.lists.setdefault(f"order:{order_id}", {})[key] = position

    def indexes(self) -> Indexes:
        """The list of each order."""
        return self.lists


@dataclass
class PlainSales:
    """The orders that count, by id; figures are added up anew from them whenever they are asked for."""

    counted: dict[str, Plain] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one event of the shop."""
        if name != "AnalyticsUpdated":
            return
        if event.get("retracted"):
            del self.counted[event["order_id"]]
            for key in self.names.keys() - self.views.keys():
                del self.names[key]  # nothing of it is sold any more: its next name is its first
            return
        self.counted[event["order_id"]] = event
        for item in event["items"]:
            if item.get("product_name"):
                self.names[_product(item)] = item["product_name"]

    @property
    def views(self) -> dict[str, Plain]:
        """Days and products by key."""
        days: dict[str, Plain] = {}
        products: dict[str, Plain] = {}
        for order in self.counted.values():
            day = _day(order.get("order_time", {}))
            _count_day(days.setdefault(f"day:{day}", _Counts({"day": day, "sums": defaultdict(int)})), order)
            for key in {_product(item) for item in order["items"]}:
                products.setdefault(key, _Counts())["order_count"] += 1
            for item in order["items"]:
                product = products[_product(item)]
                product["quantity"] += item["quantity"]
                product["units"] += item["quantity"] * item["price"].get("minor_units", 0)
                product |= {"product_id": item["product_id"], "currency_code": item["price"]["currency_code"]}
        for of_day in days.values():
            sums = of_day.pop("sums")
            of_day["revenue"] = [{"minor_units": str(sums[c]), "currency_code": c} for c in sorted(sums) if sums[c]]
        for key, product in products.items():
            product |= {"revenue": str(product.pop("units")), "product_name": self.names.get(key, "")}
        return {**days, **products}

    def indexes(self) -> Indexes:
        """Days in order, products by what they brought and how many were sold."""
        lists: Indexes = {}
        for key, view in self.views.items():
            if "day" in view:
                lists.setdefault("days", {})[key] = datetime.fromisoformat(view["day"]).toordinal()
            else:
                currency = view["currency_code"]
                lists.setdefault(f"products:revenue:{currency}", {})[key] = int(view["revenue"])
                lists.setdefault(f"products:quantity:{currency}", {})[key] = view["quantity"]
        return lists


class _Counts(dict[str, Any]):
    """A view to count in."""

    def __missing__(self, key: str) -> int:
        return 0


def _count_day(day: Plain, order: Plain) -> None:
    day["order_count"] += 1
    day["item_count"] += sum(item["quantity"] for item in order["items"])
    total = order["total_amount"]
    day["sums"][total["currency_code"]] += total.get("minor_units", 0)


def _product(item: Plain) -> str:
    return f"product:{item['price']['currency_code']}:{item['product_id']}"


def _day(time: Plain) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time.get("seconds", 0))).strftime("%Y-%m-%d")
