"""Step 0: the requests that the load sends, serialised, endless and cheap; and requests made from answers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

from cqrs.admin.v1.queries_pb2 import WatchCommandRequest
from cqrs.common.v1.common_pb2 import CommandReceipt, ConsistencyToken, Money, ReadConsistency
from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest, CreateOrderRequest, CreateOrderResponse
from cqrs.shop.v1.queries_pb2 import GetOrderRequest, GetOrderResponse
from cqrs.shop.v1.types_pb2 import Address, OrderItem

CREATE_ORDER = "/cqrs.shop.v1.OrderCommandService/CreateOrder"
ADD_ITEM = "/cqrs.shop.v1.CartCommandService/AddItemToCart"
WATCH_COMMAND = "/cqrs.admin.v1.CommandQueryService/WatchCommand"
GET_ORDER = "/cqrs.shop.v1.OrderQueryService/GetOrder"
_CUSTOMER = "customer-00000000"
_MOST_QUERIES = 20_000


def zeros(size: int) -> Iterator[bytes]:
    """The same `size` zero bytes for ever."""
    return itertools.repeat(bytes(size))


def order_id(number: int, prefix: str) -> str:
    """The id of a numbered order of the benchmark."""
    return f"{prefix}-{number:08d}"


def order(identity: str = "") -> CreateOrderRequest:
    """An order of two lines, about 250 bytes; without an id each call makes a new stream."""
    items = [
        _item("85123A", "White hanging heart t-light holder", 6, 255),
        _item("71053", "White metal lantern", 6, 339),
    ]
    place = Address(recipient="Ada Example", street="1 High Street", postal_code="AB1 2CD", city="London", country="GB")
    return CreateOrderRequest(
        order_id=identity,
        customer_id=_CUSTOMER,
        customer_name="Ada Example",
        items=items,
        total_amount=Money(minor_units=3564, currency_code="GBP"),
        shipping_address=place,
    )


def orders(customers: int = 10_000) -> Iterator[bytes]:
    """Orders without id of customers in turn, so that no two that are in flight together are the same."""
    before, after = order().SerializeToString().split(_CUSTOMER.encode())
    ids = [f"customer-{number:08d}".encode() for number in range(customers)]
    return (before + identity + after for identity in itertools.cycle(ids))


def numbered_orders(prefix: str, first: int = 0) -> Iterator[bytes]:
    """Orders under `order_id(first, prefix)` and so on."""
    return (order(order_id(number, prefix)).SerializeToString() for number in itertools.count(first))


def hot_cart(user: str) -> Iterator[bytes]:
    """One unit of one item into one cart, for ever: every command decides on the same stream."""
    request = AddItemToCartRequest(
        user_id=user, item_id="85123A", quantity=1, price=Money(minor_units=255, currency_code="GBP")
    )
    return itertools.repeat(request.SerializeToString())


def order_queries(prefix: str, count: int) -> Iterator[bytes]:
    """Queries for the first `count` numbered orders, at most 20,000 of them, in a random order."""
    numbers = random.Random(7).sample(range(count), min(count, _MOST_QUERIES))
    return itertools.cycle(
        [GetOrderRequest(order_id=order_id(number, prefix)).SerializeToString() for number in numbers]
    )


def fresh_query(answer: bytes) -> bytes:
    """The query that must see the order which this CreateOrder answer is about."""
    receipt = _receipt(answer)
    return _query(receipt.aggregate_id, ReadConsistency(at_least_token=receipt.token))


def watch(answer: bytes) -> bytes:
    """The request that follows the accepted command which this CreateOrder answer is about to its end."""
    receipt = _receipt(answer)
    consistency = ReadConsistency(at_least_token=receipt.token)
    return WatchCommandRequest(command_id=receipt.command_id, consistency=consistency).SerializeToString()


def newest_fresh_query(answers: Sequence[bytes]) -> bytes:
    """The query that must see the order of the highest position among these CreateOrder answers."""
    return fresh_query(max(answers, key=position_of))


def newest_patient_query(answers: Sequence[bytes]) -> bytes:
    """The same, waiting as long as a query may: 30 s."""
    receipt = _receipt(max(answers, key=position_of))
    consistency = ReadConsistency(at_least_token=receipt.token)
    consistency.max_wait.FromSeconds(30)
    return _query(receipt.aggregate_id, consistency)


def oldest_query(answers: Sequence[bytes]) -> bytes:
    """A query for the oldest of these orders, whatever the view holds: its metadata tells how far the view is."""
    return _query(_receipt(min(answers, key=position_of)).aggregate_id, None)


def position_of(answer: bytes) -> int:
    """The log position in a CreateOrder answer's receipt."""
    return _receipt(answer).token.position


def as_of(answer: bytes) -> ConsistencyToken:
    """How far the view was that this GetOrder answer came from."""
    return GetOrderResponse.FromString(answer).metadata.as_of


def _receipt(answer: bytes) -> CommandReceipt:
    return CreateOrderResponse.FromString(answer).receipt


def _query(identity: str, consistency: ReadConsistency | None) -> bytes:
    return GetOrderRequest(order_id=identity, consistency=consistency).SerializeToString()


def _item(product: str, name: str, quantity: int, price: int) -> OrderItem:
    return OrderItem(
        product_id=product, product_name=name, quantity=quantity, price=Money(minor_units=price, currency_code="GBP")
    )
