"""What carts, orders and lists must look like, folded from the log's records into dictionaries.

It shares nothing with the projector: it was written from the contracts' comments, and it imports contracts alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import events_pb2, types_pb2
from google.protobuf.message import Message

Plain = dict[str, Any]


@dataclass
class Folded:
    """Views by key ("cart:…", "order:…"), and indexes by key: the place of each order in them."""

    carts: dict[str, Plain] = field(default_factory=dict)
    orders: dict[str, Plain] = field(default_factory=dict)
    indexes: dict[str, dict[str, int]] = field(default_factory=dict)


def fold(records: Iterable[tuple[int, bytes]]) -> Folded:
    """Fold (position, record bytes) in order; KeyError when an event is about an order that was never created."""
    folded = Folded()
    for position, data in records:
        record = Record.FromString(data)
        event = plain(getattr(events_pb2, record.type.rpartition(".")[2]).FromString(record.data))
        name, time = record.type.removeprefix("cqrs.shop.v1."), plain(record.time)
        if "user_id" in event:
            cart = folded.carts.setdefault(f"cart:{event['user_id']}", {"user_id": event["user_id"], "items": []})
            _cart_event(cart, name, event)
            cart |= {"version": record.version, "update_time": time}
        elif name == "OrderCreated":
            order = _created(event, position) | {"create_time": time, "version": 1}
            folded.orders[f"order:{event['order_id']}"] = order
            _enter(folded, order, types_pb2.ORDER_STATUS_PENDING)
        else:
            order = folded.orders[f"order:{event['order_id']}"]
            _order_event(folded, order, name, event, time)
            order |= {"version": record.version, "update_time": time, "item_count": len(order["items"])}
    return folded


def plain(message: Message) -> Plain:
    """A message as dictionaries and lists; what is empty or zero is left out."""
    shown = {}
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            shown[descriptor.name] = value
        elif isinstance(value, Message):
            shown[descriptor.name] = plain(value)
        else:
            shown[descriptor.name] = [plain(each) for each in value]
    return without_empty(shown)


def without_empty(shown: Plain) -> Plain:
    """The same without what is empty or zero."""
    return {key: value for key, value in shown.items() if value not in (0, "", [], {}, None)}


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
        case "CartCleared":
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
    kept = {key: event.get(key) for key in ("order_id", "total_amount", "shipping_address", "order_time")}
    return kept | {
        "customer": without_empty({"customer_id": event.get("customer_id"), **customer}),
        "items": event["items"],
        "item_count": len(event["items"]),
        "create_position": position,
    }


def _order_event(folded: Folded, order: Plain, name: str, event: Plain, time: Plain) -> None:
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
            _enter(folded, order, event["status"])
        case "OrderShipped":
            order |= {"tracking_number": event["tracking_number"], "ship_time": time}
        case "OrderCompleted":
            _enter(folded, order, types_pb2.ORDER_STATUS_COMPLETED)
        case "OrderCancelled":
            order["cancel_reason"] = event.get("reason")
            _enter(folded, order, types_pb2.ORDER_STATUS_CANCELLED)
        case _:
            raise AssertionError(f"no rule for {name}")
    order["total_amount"] = event.get("total_amount", order["total_amount"])


def _add(lines: list[Plain], item: Plain) -> None:
    for line in lines:
        if (line["product_id"], line["price"]) == (item["product_id"], item["price"]):
            line["quantity"] += item["quantity"]
            return
    lines.append(item)


def _enter(folded: Folded, order: Plain, status: int) -> None:
    """Put the order into the list of its status, and into the lists of all at first."""
    key, place = f"order:{order['order_id']}", order["create_position"]
    before, order["status"] = order.get("status"), status
    customer = order["customer"].get("customer_id")
    if before is None:
        folded.indexes.setdefault("orders", {})[key] = place
    if customer:
        folded.indexes.setdefault(f"customer:{customer}", {})[key] = place
        folded.indexes.setdefault(f"customer_status:{_spelled(status)}:{customer}", {})[key] = place
        if before not in (None, status):
            del folded.indexes[f"customer_status:{_spelled(before)}:{customer}"][key]


def _spelled(status: int) -> str:
    return types_pb2.OrderStatus.Name(status).removeprefix("ORDER_STATUS_").lower()
