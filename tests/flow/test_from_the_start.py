"""A system that has just been started: what it says is healthy answers."""

from pathlib import Path

from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest
from cqrs.shop.v1.queries_pb2 import GetCartRequest, ListOrdersRequest

from ops.supervisor import System
from tests.running import commands, eur, fresh, queries


# promise card-3
async def test_the_first_questions_and_the_first_command_are_answered_at_once(tmp_path: Path) -> None:
    with System(tmp_path) as system:
        async with commands(system.command_address) as asks, queries(system.query_address) as reads:
            assert (await reads.orders.ListOrders(ListOrdersRequest())).total_size == 0
            add = AddItemToCartRequest(user_id="first", item_id="a", quantity=1, price=eur(1))
            receipt = (await asks.carts.AddItemToCart(add)).receipt
            assert receipt.token.position == 1
            assert (await reads.carts.GetCart(GetCartRequest(user_id="first"))).cart.version in (0, 1)
            request = GetCartRequest(user_id="first", consistency=fresh(receipt))
            assert (await reads.carts.GetCart(request)).cart.version == 1
