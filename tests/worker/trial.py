"""A cart whose commands do as the test says: refused, broken, waiting for the world, tried again."""

import asyncio
from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import Any

from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_TOO_MANY_ITEMS
from cqrs.shop.v1.events_pb2 import ItemAddedToCart

from command_service.decider import NEEDS_EFFECT, Aggregate, Context, Decider, Decision, Effect, happened
from command_service.domains.shop.refusal import refuse

SERVICE = "cqrs.shop.v1.CartCommandService"
CONTRACT: Any = SimpleNamespace(
    services_by_name={"CartCommandService": commands.DESCRIPTOR.services_by_name["CartCommandService"]}
)
"""The contract of carts alone."""

Items = tuple[str, ...]
CART = Aggregate("shop.cart", (), lambda items, event: (*items, event.item_id), (ItemAddedToCart,))


def adding(user: str, item: str, command_id: str = "") -> commands.AddItemToCartRequest:
    """A command on a user's cart; the item says what becomes of it."""
    request = commands.AddItemToCartRequest(user_id=user, item_id=item, quantity=1, price=Money(minor_units=1))
    request.context.command_id = command_id
    return request


def removing(user: str, item: str, command_id: str = "") -> commands.RemoveItemFromCartRequest:
    """The same, of another type, which has a channel of its own."""
    request = commands.RemoveItemFromCartRequest(user_id=user, item_id=item)
    request.context.command_id = command_id
    return request


class Trial:
    """The domain and its world: what is to happen, and what has happened."""

    def __init__(self) -> None:
        self.decided: Counter[str] = Counter()
        """How often an item's command was decided with an outcome, or ended without one."""
        self.begun: list[str] = []
        """Items whose effect began, in order."""
        self.under_way = self.most_under_way = 0
        self.trouble: defaultdict[str, list[Exception]] = defaultdict(list)
        """What the next effects of an item raise, first to last; then it succeeds."""
        self.gates: dict[str, asyncio.Event] = {}
        """An item's effect waits for its gate, where it has one."""
        effect = Effect("trial", self._act)
        requests = (commands.AddItemToCartRequest, commands.RemoveItemFromCartRequest)
        self.decider = Decider(
            SERVICE, lambda command, _: ((CART, command.user_id),), self.decide, effects=dict.fromkeys(requests, effect)
        )

    def gate(self, item: str) -> asyncio.Event:
        """Make an item's effect wait until what this gives is set."""
        return self.gates.setdefault(item, asyncio.Event())

    def decide(self, command: Any, context: Context, items: Items) -> Decision:
        """Refused or broken by the item's name, quiet for one that is there, else added once the effect has run."""
        if command.item_id.startswith("refused"):
            self.decided[command.item_id] += 1
            raise refuse(SHOP_ERROR_TOO_MANY_ITEMS, "No more items")
        if command.item_id.startswith("broken"):
            self.decided[command.item_id] += 1
            raise RuntimeError("a fault of ours")
        if context.outcome is None:
            return NEEDS_EFFECT
        self.decided[command.item_id] += 1
        return happened(ItemAddedToCart(user_id=command.user_id, item_id=command.item_id, quantity=1))

    async def _act(self, command: Any, _port: Any, _items: Items) -> str:
        self.begun.append(command.item_id)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if gate := self.gates.get(command.item_id):
                await gate.wait()
            if self.trouble[command.item_id]:
                raise self.trouble[command.item_id].pop(0)
            return "done"
        finally:
            self.under_way -= 1
