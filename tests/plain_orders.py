"""What carts, orders and their lists must look like, folded from their events into dictionaries.

It shares nothing with the projector: it was written from the contracts' comments, and it imports contracts alone.
"""

from dataclasses import dataclass, field
from typing import Any

from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import types_pb2

from tests.plain import Indexes, Plain, plain, without_empty

PAID = {
    "PaymentAuthorized": types_pb2.PAYMENT_STATUS_AUTHORIZED,
    "PaymentDeclined": types_pb2.PAYMENT_STATUS_DECLINED,
    "PaymentCaptured": types_pb2.PAYMENT_STATUS_CAPTURED,
    "PaymentVoided": types_pb2.PAYMENT_STATUS_VOIDED,
    "PaymentRefunded": types_pb2.PAYMENT_STATUS_CAPTURED,
}
"""How far a payment is after an event that does not say that all of it was paid back."""


def paid_after(name: str, event: Plain, before: int | None) -> int:
    """How far a payment is after an event; the end of what was declined is still that it was declined."""
    if name == "PaymentVoided" and before == types_pb2.PAYMENT_STATUS_DECLINED:
        return before
    return types_pb2.PAYMENT_STATUS_REFUNDED if event.get("complete") else PAID[name]


@dataclass
class PlainCarts:
    """Carts by key."""

    views: dict[str, Plain] = field(default_factory=dict)

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one event of the shop; what is about no cart is passed over."""
        if record.stream.startswith("shop.cart-"):
            cart = self.views.setdefault(f"cart:{event['user_id']}", {"user_id": event["user_id"], "items": []})
            _cart_event(cart, name, event)
            cart |= {"version": record.version, "update_time": plain(record.time)}

    def indexes(self) -> Indexes:
        """There are none."""
        return {}


@dataclass
class PlainOrders:
    """Orders by key and their lists; KeyError when an event is about an order that was never created."""

    views: dict[str, Plain] = field(default_factory=dict)
    lists: Indexes = field(default_factory=dict)

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one event of the shop; what is about no order and no payment is passed over."""
        time, key = plain(record.time), f"order:{event.get('order_id')}"
        if name in PAID:
            self._paid(name, event, time)
        elif name == "OrderCreated":
            order = _created(event, position) | {"create_time": time, "version": 1}
            order["payment_status"] = self.views.pop(f"payment:{event['order_id']}", {}).get("status")
            self.views[key] = order
            _enter(self.lists, order, types_pb2.ORDER_STATUS_PENDING)
        elif record.stream.startswith("shop.order-"):
            order = self.views[key]
            _order_event(self.lists, order, name, event, time)
            order |= {"version": record.version, "update_time": time, "item_count": len(order["items"])}

    def indexes(self) -> Indexes:
        """All lists."""
        return self.lists

    def _paid(self, name: str, event: Plain, time: Plain) -> None:
        order_id = event["order_id"]
        order, early = self.views.get(f"order:{order_id}", {}), self.views.get(f"payment:{order_id}", {})
        status = paid_after(name, event, order.get("payment_status") or early.get("status"))
        if order:
            order |= {"payment_status": status, "update_time": time}
        else:
            self.views[f"payment:{order_id}"] = {"order_id": order_id, "status": status}


def _cart_event(cart: Plain, name: str, event: Plain) -> None:
    lines = cart["items"]
    price = event.get("price")
    at = [line for line in lines if line["item_id"] == event.get("item_id") and price in (None, line["price"])]
    match name:
        case "ItemAddedToCart" if at:
            at[0]["quantity"] += event["quantity"]
        case "ItemAddedToCart":
            lines.append({"item_id": event["item_id"], "quantity": event["quantity"], "price": price})
        case "CartItemQuantityChanged":
            at[0]["quantity"] = event["quantity"]
        case "ItemRemovedFromCart":
            lines[:] = [line for line in lines if line not in at]
        case "CartCleared" | "CartCheckedOut":
            lines.clear()
        case _:
            raise AssertionError(f"no rule for {name}")
    cart["line_count"] = len(lines)
    cart["total_items"] = sum(line["quantity"] for line in lines)
    cart["total_prices"] = _totals(lines)


def _totals(lines: list[Plain]) -> list[Plain]:
    sums: dict[str, int] = {}
    for line in lines:
        currency = line["price"]["currency_code"]
        sums[currency] = sums.get(currency, 0) + line["quantity"] * line["price"].get("minor_units", 0)
    return [without_empty({"minor_units": units, "currency_code": code}) for code, units in sorted(sums.items())]


def _created(event: Plain, position: int) -> Plain:
    customer = {key: event.get(f"customer_{key}") for key in ("name", "email")}
    kept = {key: event.get(key) for key in ("order_id", "total_amount", "shipping_address", "order_time", "fulfilment")}
    return kept | {
        "customer": without_empty({"customer_id": event.get("customer_id"), **customer}),
        "items": event["items"],
        "item_count": len(event["items"]),
        "create_position": position,
    }


def _order_event(lists: Indexes, order: Plain, name: str, event: Plain, time: Plain) -> None:
    lines, price = order["items"], event.get("price")
    match name:
        case "OrderItemAdded":
            _add(lines, event["item"])
        case "OrderItemRemoved":
            lines[:] = [x for x in lines if x["product_id"] != event["product_id"] or price not in (None, x["price"])]
        case "OrderItemQuantityChanged":
            (line,) = (x for x in lines if (x["product_id"], x["price"]) == (event["product_id"], price))
            line["quantity"] = event["quantity"]
        case "OrderItemsReplaced":
            order["items"] = event["items"]
        case "ShippingAddressChanged":
            order["shipping_address"] = event.get("shipping_address")
        case "OrderStatusChanged":
            _enter(lists, order, event["status"])
        case "OrderShipped":
            order |= {"tracking_number": event["tracking_number"], "ship_time": time}
        case "OrderCompleted":
            _enter(lists, order, types_pb2.ORDER_STATUS_COMPLETED)
        case "OrderCancelled":
            order["cancel_reason"] = event.get("reason")
            _enter(lists, order, types_pb2.ORDER_STATUS_CANCELLED)
        case _:
            raise AssertionError(f"no rule for {name}")
    order["total_amount"] = event.get("total_amount", order["total_amount"])


def _add(lines: list[Plain], item: Plain) -> None:
    for line in lines:
        if (line["product_id"], line["price"]) == (item["product_id"], item["price"]):
            line["quantity"] += item["quantity"]
            return
    lines.append(item)


def _enter(lists: Indexes, order: Plain, status: int) -> None:
    """Put the order into the list of its status, and into the lists of all at first."""
    key, place = f"order:{order['order_id']}", order["create_position"]
    before, order["status"] = order.get("status"), status
    customer = order["customer"].get("customer_id")
    if before is None:
        lists.setdefault("orders", {})[key] = place
    if customer:
        lists.setdefault(f"customer:{customer}", {})[key] = place
        lists.setdefault(f"customer_status:{_spelled(status)}:{customer}", {})[key] = place
        if before not in (None, status):
            del lists[f"customer_status:{_spelled(before)}:{customer}"][key]


def _spelled(status: Any) -> str:
    return types_pb2.OrderStatus.Name(status).removeprefix("ORDER_STATUS_").lower()
