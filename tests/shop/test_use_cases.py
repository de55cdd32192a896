"""Whole use cases of the shop on adapters in memory: no store, no broker, no fake of a rule."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import queries_pb2 as queries
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_PENDING

from command_service.event_log import LogFilter
from command_service.memory_event_log import MemoryEventLog
from projector.domains.shop import PROJECTIONS
from query_service.answer import One
from query_service.domains.shop import ANSWERS
from runtime.upcast import decode
from tests.command.serving import command_server, refusal
from tests.shop.folding import Folded
from tests.shop.messages import USER, add, create, eur, item

ROOT = Path(__file__).resolve().parents[2]
DOMAIN_FOLDERS = [ROOT / side / "domains" / "shop" for side in ("command_service", "projector", "query_service")]


async def answered(log: MemoryEventLog, request: Any) -> Any:
    """What a query is answered from the records of a log, by projections and answers alone."""
    folded = {projection.name: Folded(projection) for projection in PROJECTIONS}
    for logged in (await log.read_log(0, 1_000, LogFilter())).records:
        event = decode(Record.FromString(logged.record))
        for projection in PROJECTIONS:
            if isinstance(event, projection.handles):
                folded[projection.name].fold(event)
    name = request.DESCRIPTOR.name.removesuffix("Request")
    answer = next(each for each in ANSWERS if each.rpc.endswith(f".{name}"))
    place = answer.read(request)
    found = folded[place.projection]
    if isinstance(place, One):
        return answer.respond(request, found.views.get(place.key))
    return answer.respond(request, [found.views[key] for key in found.newest_first(place.index)])


# promise 001-58, 002-19, 003-5
async def test_a_cart_becomes_an_order_that_is_found_by_its_id_and_in_lists() -> None:
    log = MemoryEventLog()
    async with command_server(log) as clients:
        for _ in range(3):
            await clients.carts.AddItemToCart(add())
        cart = (await answered(log, queries.GetCartRequest(user_id=USER))).cart
        assert (cart.line_count, cart.total_items, list(cart.total_prices)) == (1, 3, [eur(5997)])
        lines = [item(line.item_id, line.quantity, line.price.minor_units) for line in cart.items]
        ordered = await clients.orders.CreateOrder(create(*lines, order_id="", total_amount=eur(5997)))
        await clients.carts.ClearCart(commands.ClearCartRequest(user_id=USER))
    order_id = ordered.receipt.aggregate_id
    (stored,) = await log.read_stream(f"shop.order-{order_id}")
    assert Record.FromString(stored.record).type == "cqrs.shop.v1.OrderCreated"
    order = (await answered(log, queries.GetOrderRequest(order_id=order_id))).order
    assert (order.total_amount, order.status, list(order.items)) == (eur(5997), ORDER_STATUS_PENDING, lines)
    for request in (
        queries.ListOrdersRequest(),
        queries.ListCustomerOrdersRequest(customer_id=USER),
        queries.ListCustomerOrdersRequest(customer_id=USER, status=ORDER_STATUS_PENDING),
    ):
        assert list((await answered(log, request)).orders) == [order]
    assert not (await answered(log, queries.GetCartRequest(user_id=USER))).cart.items


# promise 003-4
async def test_an_order_without_items_is_refused_and_nothing_is_stored() -> None:
    log = MemoryEventLog()
    async with command_server(log) as clients:
        code, _, text = await refusal(clients.orders.CreateOrder(create_nothing()))
    assert (code.name, text) == ("INVALID_ARGUMENT", "Order must have at least one item")
    assert (await log.head()).position == 0


def create_nothing() -> commands.CreateOrderRequest:
    return commands.CreateOrderRequest(customer_id=USER)


# promise 002-20, 001-58
@pytest.mark.parametrize("folder", DOMAIN_FOLDERS, ids=lambda folder: folder.parts[-3])
def test_the_domain_knows_neither_server_nor_store(folder: Path) -> None:
    own = folder.parts[-3]
    harmless = {"collections", "dataclasses", "typing", "functools", "itertools", "decimal", "enum"}
    harmless |= {"datetime", "calendar"}  # of dates that are given: what time it is nobody asks
    allowed = {"cqrs", "google", "runtime", own, *harmless}
    assert harmless <= sys.stdlib_module_names
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert {name.partition(".")[0] for name in names} <= allowed, path
            assert not (isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow")), path
