"""Calls to try on a system that has just been started, for a shell."""

import json
from collections.abc import Sequence

_ITEM = {"product_id": "product-abc", "quantity": 3, "price": {"minor_units": 1999, "currency_code": "EUR"}}
_CREATED = {"order_id": "order-1", "customer_id": "user-123", "items": [_ITEM]}
_WANTED = {"order_id": "order-1", "consistency": {"at_least_version": 1}}
_STOCKED = {"sku": "product-abc", "name": "A product", "on_hand": 100}
_PLACED = {
    "order_id": "order-2",
    "user_id": "user-123",
    "customer_email": "ada@example.com",
    "payment": {"token": "tok_ok"},
    "items": [_ITEM],
}


def calls(commands: str, queries: str) -> Sequence[str]:
    """Create an order, get it, list orders; then stock a product and place an order on it."""
    return [
        _call(commands, "OrderCommandService/CreateOrder", _CREATED),
        _call(queries, "OrderQueryService/GetOrder", _WANTED),
        _call(queries, "OrderQueryService/ListOrders", {"page_size": 5}),
        _call(commands, "StockCommandService/RegisterStockItem", _STOCKED),
        _call(commands, "OrderCommandService/PlaceOrder", _PLACED),
    ]


def _call(address: str, rpc: str, request: object) -> str:
    return f"grpcurl -plaintext -d '{json.dumps(request, separators=(',', ':'))}' {address} cqrs.shop.v1.{rpc}"
