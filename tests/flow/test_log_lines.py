"""What the services' own logs say of a command, of a query, and of a view that changed."""

import asyncio
import re
from pathlib import Path

from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest, CreateOrderRequest
from cqrs.shop.v1.queries_pb2 import GetCartRequest
from cqrs.shop.v1.types_pb2 import OrderItem

from ops.supervisor import System
from tests.command.serving import refusal
from tests.running import Commands, Queries, eur, fresh, until


async def line(system: System, service: str, *parts: str) -> str:
    """The line of a service's log that has all the parts."""
    log = Path(system.data / "logs" / f"{service}.log")

    def found() -> str:
        return next((text for text in log.read_text().splitlines() if all(part in text for part in parts)), "")

    return await until(lambda: asyncio.to_thread(found), 10)


# promise 001-12, 002-13, 002-24, 004-8, 004-9, 004-10
async def test_one_request_can_be_followed_through_every_log(system: System, asks: Commands, reads: Queries) -> None:
    request = AddItemToCartRequest(user_id="logged", item_id="a", quantity=2, price=eur(1999))
    request.context.command_id = "logged-1"
    receipt = (await asks.carts.AddItemToCart(request)).receipt
    command = await line(system, "command_service", "command_id=logged-1")
    assert "Command AddItemToCartRequest processed. Generated events: 1" in command
    assert "aggregate=shop.cart-logged events=ItemAddedToCart state=" in command
    assert re.search(rf"state=.*\b2\b.* position={receipt.token.position} replayed=False message_id=\S+$", command)

    updated = "Read model updated for cart logged due to ItemAddedToCart"
    assert updated in await line(system, "projector", updated)

    answer = await reads.carts.GetCart(GetCartRequest(user_id="logged", consistency=fresh(receipt)))
    query = await line(system, "query_service", "view=shop.carts cart:logged")
    assert f"query=GetCart view=shop.carts cart:logged found=True bytes={answer.cart.ByteSize()} position=" in query


async def test_a_replay_and_a_refusal_are_logged_as_what_they_are(system: System, asks: Commands) -> None:
    items = [OrderItem(product_id="p", quantity=1, price=eur(100))]
    request = CreateOrderRequest(order_id="logged-order", customer_id="c", items=items)
    request.context.command_id = "logged-2"
    for _ in range(2):
        await asks.orders.CreateOrder(request)
    replayed = await line(system, "command_service", "command_id=logged-2", "replayed=True")
    assert "Command CreateOrderRequest processed. Generated events: 0" in replayed
    request.context.command_id = "logged-3"
    await refusal(asks.orders.CreateOrder(request))
    refused = await line(system, "command_service", "command_id=logged-3")
    assert "Command CreateOrderRequest refused: ORDER_ALREADY_EXISTS" in refused
    assert "aggregate=shop.order-logged-order" in refused
