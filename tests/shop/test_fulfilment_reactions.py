"""The process manager of fulfilment alone: what has happened, an input, and what it leads to."""

from collections.abc import Sequence
from typing import Any

import pytest
from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, Refusal, TimerFired
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1 import follow_up_commands_pb2 as follow_ups
from cqrs.shop.v1 import payment_commands_pb2 as payments
from cqrs.shop.v1 import stock_commands_pb2 as stock
from cqrs.shop.v1.types_pb2 import (
    NOTIFICATION_KIND_ORDER_CANCELLED,
    NOTIFICATION_KIND_ORDER_CONFIRMED,
    ORDER_STATUS_CANCELLED,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    FulfilmentStep,
)
from google.protobuf.message import Message

from command_service.channels import DEFAULT_POLICY
from command_service.domains.shop.fulfilment import STEP_SECONDS, fulfilment
from command_service.process import NO_REACTION, Cause, Reaction, Timer
from tests.shop.fulfilment_messages import authorize, cancel, line, method, placed, reserve
from tests.shop.given import NOW
from tests.shop.messages import ORDER_ID, created, eur, item

PROCESS = fulfilment(30)
CAUSE = Cause("record-1", NOW)
THIS: Any = {"order_id": ORDER_ID}

RESERVED = events.StockReserved(**THIS, lines=[line()])
AUTHORIZED = events.PaymentAuthorized(**THIS, amount=eur(1999), payment=method())
DECLINED = events.PaymentDeclined(**THIS, reason="No money")
CONFIRMED = events.OrderStatusChanged(**THIS, previous_status=ORDER_STATUS_PENDING, status=ORDER_STATUS_PROCESSING)
CAPTURED = events.PaymentCaptured(**THIS, amount=eur(1999))
COMMITTED = events.StockReservationCommitted(**THIS, lines=[line()])
RELEASED = events.StockReservationReleased(**THIS)
VOIDED = events.PaymentVoided(**THIS)
REFUNDED = events.PaymentRefunded(**THIS, amount=eur(1999), complete=True)
CANCELLED = events.OrderCancelled(**THIS, reason="changed my mind")
FORWARD = (placed(), RESERVED, AUTHORIZED, CONFIRMED, CAPTURED, COMMITTED)

CONFIRM, CAPTURE = commands.ConfirmOrderRequest(**THIS), payments.CapturePaymentRequest(**THIS)
COMMIT = stock.CommitReservationRequest(**THIS, lines=[line()])
VOID, REFUND = payments.VoidPaymentRequest(**THIS), payments.RefundPaymentRequest(**THIS)
RELEASE = stock.ReleaseReservationRequest(**THIS, lines=[line()])
TELL = follow_ups.SendOrderNotificationsRequest(**THIS, kind=NOTIFICATION_KIND_ORDER_CONFIRMED)
TELL_OFF = follow_ups.SendOrderNotificationsRequest(**THIS, kind=NOTIFICATION_KIND_ORDER_CANCELLED)
COUNT = follow_ups.UpdateAnalyticsRequest(**THIS)


def reaction(before: Sequence[Message], told: Any) -> Reaction:
    """What an input leads to after others."""
    state = PROCESS.state.initial
    for event in before:
        for own in PROCESS.react(event, CAUSE, state).events:
            state = PROCESS.state.evolve(state, own)
    return PROCESS.react(told, CAUSE, state)


def fired(name: str) -> TimerFired:
    return TimerFired(process="shop.fulfilment", process_instance=ORDER_ID, name=name)


def was_refused(command: Message, reason: str, text: str = "") -> CommandRefused:
    return CommandRefused(type=command.DESCRIPTOR.full_name, refusal=Refusal(reason=reason, text=text))


def has_failed(command: Message) -> CommandFailed:
    return CommandFailed(type=command.DESCRIPTOR.full_name, error="gone")


def taken(step: str) -> events.FulfilmentStepTaken:
    return events.FulfilmentStepTaken(**THIS, step=FulfilmentStep.Value(f"FULFILMENT_STEP_{step.upper()}"))


def undone(step: str) -> events.FulfilmentStepUndone:
    return events.FulfilmentStepUndone(**THIS, step=FulfilmentStep.Value(f"FULFILMENT_STEP_{step.upper()}"))


def ended(cancelled: bool) -> events.FulfilmentEnded:
    return events.FulfilmentEnded(**THIS, cancelled=cancelled)


def test_a_placed_order_starts_with_its_reservation_each_stock_item_once() -> None:
    order = placed(item(quantity=2), item(price=5), item("b"))
    lines = [line("b"), line(quantity=3)]
    started = events.FulfilmentStarted(**THIS, lines=lines, amount=order.total_amount, payment=method())
    expected = Reaction((started,), (reserve(*lines),), (Timer("reserve", 30),))
    assert reaction((), order) == expected
    assert PROCESS.instance(order) == ORDER_ID
    assert PROCESS.instance(created()) is None


@pytest.mark.parametrize(
    ("number", "step", "command", "following"),
    [
        (1, "reserve", authorize(), "authorize"),
        (2, "authorize", CONFIRM, "confirm"),
        (3, "confirm", CAPTURE, "capture"),
        (4, "capture", COMMIT, "commit"),
    ],
)
def test_each_step_sends_the_next_and_moves_the_deadline(
    number: int, step: str, command: Message, following: str
) -> None:
    expected = Reaction((taken(step),), (command,), (Timer(following, 30),), (step,))
    assert reaction(FORWARD[:number], FORWARD[number]) == expected
    assert reaction(FORWARD[: number + 1], FORWARD[number]) == NO_REACTION
    assert reaction(FORWARD[: number + 1], fired(step)) == NO_REACTION


def test_after_the_last_step_the_customer_is_told_and_the_order_counted() -> None:
    assert reaction(FORWARD[:5], COMMITTED) == Reaction(
        (taken("commit"), ended(False)), (TELL, COUNT), cancels=("commit",)
    )


@pytest.mark.parametrize(
    ("number", "told", "step", "reason"),
    [
        (1, was_refused(reserve(), "INSUFFICIENT_STOCK", "Too few"), "reserve", "Too few"),
        (1, has_failed(reserve()), "reserve", "Reserving the stock failed"),
        (1, fired("reserve"), "reserve", "Reserving the stock timed out"),
        (2, DECLINED, "authorize", "Payment was declined: No money"),
        (2, has_failed(authorize()), "authorize", "Authorising the payment failed"),
        (2, fired("authorize"), "authorize", "Authorising the payment timed out"),
        (3, was_refused(CONFIRM, "STATUS_NOT_REACHABLE", "Gone"), "confirm", "Gone"),
        (4, was_refused(CAPTURE, "PROVIDER_DECLINED", "No"), "capture", "No"),
        (4, fired("capture"), "capture", "Capturing the payment timed out"),
        (5, has_failed(COMMIT), "commit", "Taking the stock failed"),
    ],
)
def test_what_fails_turns_the_order_back_once(number: int, told: Any, step: str, reason: str) -> None:
    back = events.FulfilmentTurnedBack(
        **THIS, step=FulfilmentStep.Value(f"FULFILMENT_STEP_{step.upper()}"), reason=reason
    )
    assert reaction(FORWARD[:number], told) == Reaction((back,), (cancel(reason),), cancels=(step,))
    assert reaction((*FORWARD[:number], told), told) == NO_REACTION
    assert reaction((*FORWARD[:number], told, CANCELLED), told) == NO_REACTION


@pytest.mark.parametrize(
    ("number", "commands_back"),
    [(1, (RELEASE,)), (2, (VOID, RELEASE)), (3, (VOID, RELEASE)), (4, (VOID, RELEASE)), (5, (REFUND, RELEASE))],
)
@pytest.mark.parametrize("by_status", [True, False])
def test_a_cancelled_order_has_what_was_done_taken_back_whoever_cancels_it(
    number: int, commands_back: tuple[Message, ...], by_status: bool
) -> None:
    off = events.OrderStatusChanged(**THIS, status=ORDER_STATUS_CANCELLED) if by_status else CANCELLED
    step = ("reserve", "authorize", "confirm", "capture", "commit")[number - 1]
    by_customer = reaction(FORWARD[:number], off)
    assert by_customer == Reaction((undone("confirm"),), (*commands_back, TELL_OFF), cancels=(step,))
    by_itself = reaction((*FORWARD[:number], fired(step)), off)
    assert by_itself == Reaction((undone("confirm"),), (*commands_back, TELL_OFF))
    assert reaction((*FORWARD[:number], off), off) == NO_REACTION


def test_an_order_that_is_cancelled_after_its_end_is_paid_back_and_no_longer_counted() -> None:
    assert reaction(FORWARD, CANCELLED) == Reaction((undone("confirm"),), (REFUND, RELEASE, TELL_OFF, COUNT))
    over = Reaction((undone("authorize"), ended(True)), cancels=("again",))
    assert reaction((*FORWARD, CANCELLED, RELEASED), REFUNDED) == over


def test_it_has_ended_once_everything_is_taken_back() -> None:
    before = (*FORWARD[:3], CANCELLED)
    assert reaction(before, VOIDED) == Reaction((undone("authorize"),))
    over = Reaction((undone("reserve"), ended(True)), cancels=("again",))
    assert reaction((*before, VOIDED), RELEASED) == over
    assert reaction((*before, VOIDED, RELEASED), RELEASED) == NO_REACTION


def test_answers_that_come_after_the_deadline_lead_no_further() -> None:
    late = (*FORWARD[:2], fired("authorize"))
    assert reaction(late, AUTHORIZED) == Reaction((taken("authorize"),))
    assert reaction((*late, AUTHORIZED), CANCELLED).commands == (VOID, RELEASE, TELL_OFF)
    assert reaction((*late, CANCELLED), AUTHORIZED) == Reaction((taken("authorize"),))
    assert reaction((placed(), fired("reserve"), CANCELLED), RESERVED) == Reaction((taken("reserve"),))


def test_a_payment_that_is_captured_while_it_is_called_off_is_paid_back() -> None:
    before = (*FORWARD[:4], CANCELLED)
    assert reaction(before, CAPTURED) == Reaction((taken("capture"),), (REFUND,))
    assert reaction((*before, CAPTURED), was_refused(VOID, "PAYMENT_ALREADY_CAPTURED")) == NO_REACTION


@pytest.mark.parametrize(
    "told", [has_failed(VOID), has_failed(RELEASE), was_refused(VOID, "PROVIDER_DECLINED"), has_failed(cancel())]
)
def test_what_cannot_be_taken_back_is_tried_again_later(told: Any) -> None:
    before: tuple[Any, ...] = (*FORWARD[:3], fired("confirm"))
    if told.type != cancel().DESCRIPTOR.full_name:
        before = (*before, CANCELLED)
    assert reaction(before, told) == Reaction(timers=(Timer("again", 30),))
    sent = (VOID, RELEASE) if CANCELLED in before else (cancel("Confirming the order timed out"),)
    assert reaction(before, fired("again")) == Reaction(commands=sent)
    assert reaction((*before, CANCELLED, VOIDED, RELEASED), told) == NO_REACTION


@pytest.mark.parametrize("reason", ["ORDER_ALREADY_SHIPPED", "STATUS_NOT_REACHABLE"])
def test_an_order_that_has_left_goes_on_instead(reason: str) -> None:
    back = (*FORWARD[:5], fired("commit"))
    resumed = events.FulfilmentResumed(**THIS)
    told = was_refused(cancel(), reason)
    assert reaction(back, told) == Reaction((resumed,), timers=(Timer("again", 30),))
    assert reaction((*back, told), fired("again")) == Reaction(commands=(COMMIT,), timers=(Timer("commit", 30),))
    assert reaction((*back, told), COMMITTED).commands == (TELL, COUNT)
    assert reaction((*back, COMMITTED), told) == Reaction((resumed, ended(False)), (TELL, COUNT))
    assert reaction(back, was_refused(cancel(), "ORDER_ALREADY_CANCELLED")).events == ()


@pytest.mark.parametrize("told", [*FORWARD[1:], CANCELLED, RELEASED, VOIDED, REFUNDED, fired("reserve"), DECLINED])
def test_an_order_that_nobody_fulfils_is_left_alone(told: Any) -> None:
    assert reaction((), told) == NO_REACTION


def test_what_follows_the_end_may_fail_without_consequence() -> None:
    for command in (TELL, COUNT):
        assert reaction(FORWARD, has_failed(command)) == NO_REACTION
        assert reaction(FORWARD, was_refused(command, "ANY")) == NO_REACTION
    assert reaction(FORWARD, fired("again")) == NO_REACTION


def test_by_default_a_step_has_time_for_a_long_queue_and_for_every_attempt_of_its_command() -> None:
    """9,000 orders at ten a second wait a quarter of an hour; that is no reason to cancel them."""
    attempts = sum(DEFAULT_POLICY.delay(attempt) for attempt in range(1, DEFAULT_POLICY.attempts))
    assert 5 * attempts <= STEP_SECONDS
    (timer,) = fulfilment().react(FORWARD[0], CAUSE, fulfilment().state.initial).timers
    assert timer == Timer("reserve", 900)


def test_the_state_says_how_far_it_has_come_without_card_or_address() -> None:
    state = PROCESS.state.initial
    for event in FORWARD:
        for own in PROCESS.react(event, CAUSE, state).events:
            state = PROCESS.state.evolve(state, own)
    assert str(state) == "Fulfilment(taken=5, cancelled=False, ended=True)"
