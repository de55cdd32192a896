"""The fulfilment of a placed order, from end to end in memory: each way that it can go, and that nothing stays open."""

from typing import Any

import pytest
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1 import payment_commands_pb2 as payments
from cqrs.shop.v1 import stock_commands_pb2 as stock
from cqrs.shop.v1.types_pb2 import (
    NOTIFICATION_KIND_ORDER_CANCELLED,
    NOTIFICATION_KIND_ORDER_CONFIRMED,
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_PROCESSING,
    PAYMENT_STATUS_CAPTURED,
)

from command_service.decider import Retry
from command_service.domains.shop import Variant
from command_service.domains.shop.fulfilment_state import FULFILMENT
from command_service.domains.shop.order_events import ORDER
from command_service.domains.shop.payment_state import PAYMENT
from command_service.domains.shop.reservation_state import RESERVATION, Stage
from command_service.domains.shop.stock_state import STOCK
from tests.shop.fulfilment_messages import EMAIL, cancel, level, place, register
from tests.shop.messages import ORDER_ID, item
from tests.shop.world import World


async def shop(variant: Variant = "saga", on_hand: int = 10) -> World:
    return await World(variant).only(register(on_hand=on_hand))


def assert_nothing_is_open(world: World) -> None:
    assert world.state(RESERVATION, ORDER_ID).stage is not Stage.HELD
    assert not any(account.held for account in world.payments.accounts())
    assert world.state(STOCK, "product-abc").reserved == 0
    assert not world.timers


def assert_completed(world: World) -> None:
    assert_nothing_is_open(world)
    assert world.state(ORDER, ORDER_ID).status == ORDER_STATUS_PROCESSING
    assert world.state(PAYMENT, ORDER_ID).status == PAYMENT_STATUS_CAPTURED
    assert world.state(STOCK, "product-abc").level == level(9)
    (account,) = world.payments.accounts()
    assert (account.captured, account.refunded) == (1999, 0)
    assert [event.kind for event in said(world)] == [NOTIFICATION_KIND_ORDER_CONFIRMED]


def assert_cancelled(world: World, reason: str) -> None:
    assert_nothing_is_open(world)
    order = world.state(ORDER, ORDER_ID)
    assert (order.status, order.cancel_reason) == (ORDER_STATUS_CANCELLED, reason)
    assert world.state(STOCK, "product-abc").level == level(10)
    assert all(account.captured == account.refunded for account in world.payments.accounts())
    assert said(world)[-1].kind == NOTIFICATION_KIND_ORDER_CANCELLED


def said(world: World) -> list[Any]:
    return [event for event in world.events if isinstance(event, events.NotificationSent)]


# promise 000-35, 000-36, 000-37, 000-38, 000-39, 000-40
@pytest.mark.parametrize("token", ["tok_ok", "tok_flaky"])
async def test_a_placed_order_is_reserved_paid_confirmed_taken_and_told_in_this_order(token: str) -> None:
    world = await (await shop()).only(place(token=token))
    assert_completed(world)
    own = ("Fulfilment", "Notification", "StockItem")
    assert [name for name in world.names() if not name.startswith(own)] == [
        *("OrderCreated", "StockReserved", "StockAllocated", "PaymentAuthorized", "OrderStatusChanged"),
        *("PaymentCaptured", "StockReservationCommitted", "StockReduced", "AnalyticsUpdated"),
    ]
    (mail,) = world.mail.kept
    assert (mail.to, mail.message_id) == (EMAIL, f"<order/{ORDER_ID}/confirmed@obverse>")


async def test_a_declined_payment_cancels_the_order_and_gives_the_stock_back() -> None:
    world = await (await shop()).only(place(token="tok_declined"))
    assert_cancelled(world, "Payment was declined: The card was declined")
    (mail,) = world.mail.kept
    assert "Reason: Payment was declined: The card was declined" in mail.text
    assert "AnalyticsUpdated" not in world.names()


async def test_an_order_beyond_the_stock_is_cancelled_and_never_paid() -> None:
    world = await (await shop()).only(place(item(quantity=11)))
    assert_cancelled(world, "Insufficient stock for product-abc: 10 available, 11 requested")
    assert not world.payments.accounts()


async def test_a_payment_whose_answer_never_comes_cancels_the_order_and_is_called_off_at_the_provider() -> None:
    world = await (await shop()).only(place(token="tok_timeout"))
    assert_cancelled(world, "Authorising the payment failed")
    assert len(world.payments.accounts()) == 1
    assert len(world.failures) == 1


@pytest.mark.parametrize(
    ("step", "said_of_it"),
    [
        ("reserve", "Reserving the stock"),
        ("authorize", "Authorising the payment"),
        ("confirm", "Confirming the order"),
        ("capture", "Capturing the payment"),
        ("commit", "Taking the stock"),
    ],
)
async def test_a_step_beyond_its_deadline_cancels_the_order_also_when_its_answer_comes_late(
    step: str, said_of_it: str
) -> None:
    world = await shop()
    world.send(place())
    key = ("shop.fulfilment", ORDER_ID, step)
    while key not in world.timers:
        await one_after_the_other(world)
    world.fire(key)
    await world.wait()
    assert_cancelled(world, f"{said_of_it} timed out")
    assert world.state(FULFILMENT, ORDER_ID).ended


async def one_after_the_other(world: World) -> None:
    for process in world.processes:
        if world.inputs[process.name]:
            return world.next_input(process)
    return await world.carry_out(world.heads()[0])


# promise 000-31
@pytest.mark.parametrize("variant", ["saga", "plain"])
async def test_an_order_that_its_customer_cancels_after_it_was_paid_is_paid_back_in_full(variant: Variant) -> None:
    world = await (await shop(variant)).only(place())
    assert_completed(world)
    await world.only(cancel())
    assert_cancelled(world, "changed my mind")
    assert [event.retracted for event in world.events if isinstance(event, events.AnalyticsUpdated)] == [False, True]
    assert len({mail.message_id for mail in world.mail.kept}) == 2
    await world.only(cancel())
    assert_cancelled(world, "changed my mind")


async def test_cancelling_by_status_is_cancelling() -> None:
    world = await (await shop()).only(place())
    await world.only(commands.UpdateOrderStatusRequest(order_id=ORDER_ID, status=ORDER_STATUS_CANCELLED))
    assert_cancelled(world, "")


async def test_what_has_left_is_not_paid_back_when_its_last_step_is_late() -> None:
    world = await shop()
    world.send(place())
    while ("shop.fulfilment", ORDER_ID, "commit") not in world.timers:
        await one_after_the_other(world)
    held_up = world.waiting.pop()
    assert isinstance(held_up.command, stock.CommitReservationRequest)
    await world.only(commands.ShipOrderRequest(order_id=ORDER_ID, tracking_number="T-1"))
    world.fire(("shop.fulfilment", ORDER_ID, "commit"))
    await world.settle()
    assert "CancelOrderRequest: ORDER_ALREADY_SHIPPED" in world.refusals
    await world.wait()
    assert_completed(world)
    assert "FulfilmentResumed" in world.names()


async def test_an_order_that_was_only_created_is_carried_on_by_nobody() -> None:
    world = await shop()
    await world.only(commands.CreateOrderRequest(order_id=ORDER_ID, customer_id="user-123", items=(item(),)))
    assert world.names() == ["StockItemRegistered", "OrderCreated"]


async def test_a_placed_order_ships_and_completes_only_once_it_is_paid() -> None:
    world = await shop()
    await world.carry_out_only(place())
    moved = commands.UpdateOrderStatusRequest(order_id=ORDER_ID, status=ORDER_STATUS_PROCESSING)
    await world.carry_out_only(moved)
    await world.carry_out_only(commands.ShipOrderRequest(order_id=ORDER_ID, tracking_number="T-1"))
    await world.carry_out_only(commands.CompleteOrderRequest(order_id=ORDER_ID))
    assert world.refusals == ["ShipOrderRequest: ORDER_NOT_PAID", "CompleteOrderRequest: ORDER_NOT_PAID"]
    await world.only(commands.ShipOrderRequest(order_id=ORDER_ID, tracking_number="T-1"))
    assert_completed(world)


# promise 000-42
async def test_the_plain_variant_pays_and_then_sends_exactly_three_commands() -> None:
    world = await shop("plain")
    await world.carry_out_only(place())
    (payment,) = world.waiting
    assert type(payment.command).__name__ == "ProcessPaymentRequest"
    await world.carry_out(payment)
    sent = [type(each.command).__name__ for each in world.waiting]
    assert sent == ["UpdateInventoryRequest", "SendOrderNotificationsRequest", "UpdateAnalyticsRequest"]
    assert_completed(await world.settle())
    assert not any(name.startswith("Fulfilment") for name in world.names())


# promise 000-31
async def test_in_the_plain_variant_each_of_the_three_fails_alone() -> None:
    world = await shop("plain")
    world.mail.trouble = Retry("away")
    await world.only(place())
    assert [failure.partition(":")[0] for failure in world.failures] == ["SendOrderNotificationsRequest"]
    assert world.state(STOCK, "product-abc").level == level(9)
    assert "AnalyticsUpdated" in world.names()


async def test_in_the_plain_variant_a_declined_payment_cancels_the_order() -> None:
    world = await (await shop("plain")).only(place(token="tok_declined"))
    assert_cancelled(world, "Payment was declined: The card was declined")


async def test_in_the_plain_variant_an_order_beyond_the_stock_is_cancelled_and_paid_back() -> None:
    world = await (await shop("plain")).only(place(item(quantity=11)))
    assert_cancelled(world, "Insufficient stock for product-abc: 10 available, 11 requested")
    (account,) = world.payments.accounts()
    assert account.captured == account.refunded > 0


async def test_in_the_plain_variant_an_order_cancelled_before_it_is_paid_never_is() -> None:
    world = await shop("plain")
    await world.carry_out_only(place())
    await world.carry_out_only(cancel())
    assert_cancelled(await world.settle(), "changed my mind")
    assert not world.payments.accounts()


async def test_in_the_plain_variant_an_order_whose_payment_was_voided_before_it_was_made_is_cancelled() -> None:
    world = await shop("plain")
    await world.carry_out_only(place())
    held_up = world.waiting.pop()
    await world.only(payments.VoidPaymentRequest(order_id=ORDER_ID))
    world.waiting.append(held_up)
    assert_cancelled(await world.settle(), "The order's payment was voided or paid back; it takes no other")


async def test_everything_of_a_fulfilment_may_come_twice() -> None:
    world = await (await shop()).only(place())
    before = world.names()
    for process in world.processes:
        for told in world.seen[process.name]:
            world.deliver(process, told)
    assert world.names() == before
    assert not world.waiting
    assert not world.timers
