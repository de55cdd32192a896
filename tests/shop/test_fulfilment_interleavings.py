"""Whatever comes twice, late or in another order, a fulfilment ends with nothing reserved, held or wrongly kept."""

import asyncio

import pytest
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import payment_commands_pb2 as payments
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_CANCELLED, ORDER_STATUS_PROCESSING
from hypothesis import given, settings
from hypothesis import strategies as st

from command_service.domains.shop import Variant
from command_service.domains.shop.fulfilment_state import FULFILMENT
from command_service.domains.shop.order_events import ORDER
from command_service.domains.shop.reservation_state import RESERVATION, Stage
from command_service.domains.shop.stock_state import STOCK
from tests.shop.fulfilment_messages import cancel, place, register
from tests.shop.messages import ORDER_ID, item
from tests.shop.world import World

TOKENS = st.sampled_from(["tok_ok", "tok_declined", "tok_timeout", "tok_flaky"])
MOVES = st.sampled_from(["command", "command", "input", "input", "late input", "input again", "timer", "fail", "retry"])
OUTSIDE = (
    cancel(),
    commands.UpdateOrderStatusRequest(order_id=ORDER_ID, status=ORDER_STATUS_PROCESSING),
    commands.UpdateOrderStatusRequest(order_id=ORDER_ID, status=ORDER_STATUS_CANCELLED),
    commands.ShipOrderRequest(order_id=ORDER_ID, tracking_number="T-1"),
    commands.CompleteOrderRequest(order_id=ORDER_ID),
    place(item(quantity=2)),
    commands.CreateOrderRequest(order_id=ORDER_ID, customer_id="somebody else", items=[item()]),
    payments.VoidPaymentRequest(order_id=ORDER_ID),
)
LEAVES = (("outside", 3), ("outside", 4))
STEPS = st.lists(
    st.tuples(MOVES, st.integers(0, 5)) | st.tuples(st.just("outside"), st.integers(0, len(OUTSIDE) - 1)), max_size=60
)


async def any_way(quantity: int, token: str, steps: list[tuple[str, int]], variant: Variant = "saga") -> World:
    """A shop in which one order goes that way, and then to its end."""
    world = await World(variant).only(register(on_hand=10))
    await world.carry_out_only(place(item(quantity=quantity), token=token))
    if variant == "saga":
        world.next_input(world.processes[0])
    for move, number in steps:
        await one(world, move, number)
    await world.wait()
    await look_after(world)
    return world


async def look_after(world: World) -> None:
    """An operator retries what has failed, and cancels the order when it never comes to a payment."""
    for failed in range(20):
        if not world.failed:
            return
        if failed == 10:
            world.send(cancel())
        world.retry()
        await world.wait()
    raise AssertionError(f"it fails for ever: {world.failed}")


async def one(world: World, move: str, number: int) -> None:
    fulfilment = world.processes[0]
    waiting, seen = world.inputs[fulfilment.name], world.seen[fulfilment.name]
    heads = world.heads()
    if move == "outside":
        world.send(OUTSIDE[number])
    elif move == "command" and heads:
        await world.carry_out(heads[number % len(heads)])
    elif move == "input" and waiting:
        world.next_input(fulfilment)
    elif move == "late input" and waiting:
        world.next_input(fulfilment, number % len(waiting))
    elif move == "input again" and seen:
        world.deliver(fulfilment, seen[number % len(seen)])
    elif move == "timer" and world.timers:
        world.fire(sorted(world.timers)[number % len(world.timers)])
    elif move == "fail" and heads:
        sent = heads[number % len(heads)]
        await world.fail_unheard(sent) if number % 2 else world.fail(sent, "away")
    elif move == "retry" and world.failed:
        world.retry(number % len(world.failed))


def assert_closed(world: World, quantity: int) -> None:
    order, stock = world.state(ORDER, ORDER_ID), world.state(STOCK, "product-abc")
    accounts = world.payments.accounts()
    assert not any(account.held for account in accounts)
    assert stock.reserved == 0
    kept = sum(account.captured - account.refunded for account in accounts)
    if order.status == ORDER_STATUS_CANCELLED:
        assert (kept, stock.on_hand) == (0, 10)
        assert world.state(RESERVATION, ORDER_ID).stage is not Stage.COMMITTED
    else:
        assert (kept, stock.on_hand) == (1999 * quantity, 10 - quantity)
    told = {mail.message_id.rpartition("/")[2].removesuffix("@obverse>") for mail in world.mail.kept}
    assert ("cancelled" in told) == (order.status == ORDER_STATUS_CANCELLED)
    assert "confirmed" in told or order.status == ORDER_STATUS_CANCELLED


# promise 000-20, 000-42
@settings(max_examples=200, deadline=None)
@given(st.sampled_from([1, 10, 11]), TOKENS, STEPS)
def test_any_interleaving_ends_with_every_reservation_and_authorisation_closed(
    quantity: int, token: str, steps: list[tuple[str, int]]
) -> None:
    world = asyncio.run(any_way(quantity, token, steps))
    assert world.state(FULFILMENT, ORDER_ID).ended
    assert_closed(world, quantity)


# promise 000-42
@settings(max_examples=150, deadline=None)
@given(st.sampled_from([1, 10, 11]), TOKENS, STEPS)
def test_any_interleaving_of_the_plain_variant_ends_as_well_once_an_operator_has_looked_after_what_failed(
    quantity: int, token: str, steps: list[tuple[str, int]]
) -> None:
    """Nothing is reserved in it: what is shipped before its stock is found wanting has left all the same."""
    steps = [step for step in steps if quantity <= 10 or step not in LEAVES]
    assert_closed(asyncio.run(any_way(quantity, token, steps, "plain")), quantity)


@pytest.mark.parametrize("quantity", [1, 11])
@pytest.mark.parametrize("token", ["tok_ok", "tok_declined", "tok_timeout", "tok_flaky"])
async def test_what_comes_twice_changes_nothing(quantity: int, token: str) -> None:
    """The same way with every input delivered twice has the same events."""
    twice = await World().only(register(on_hand=10))
    twice.send(place(item(quantity=quantity), token=token))
    while twice.waiting or any(twice.inputs.values()):
        await one(twice, "command", 0)
        for process in twice.processes:
            while twice.inputs[process.name]:
                twice.next_input(process)
                twice.deliver(process, twice.seen[process.name][-1])
    once = await World().only(register(on_hand=10), place(item(quantity=quantity), token=token))
    assert sorted(twice.names()) == sorted(once.names())
