"""Payments: what each command does once the provider has answered, when it is refused, when it is quiet."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from cqrs.shop.v1 import commands_pb2, events_pb2
from cqrs.shop.v1 import payment_commands_pb2 as commands
from cqrs.shop.v1.types_pb2 import (
    FULFILMENT_PLAIN,
    ORDER_STATUS_PENDING,
    ORDER_STATUS_PROCESSING,
    Address,
    PaymentMethod,
)
from google.protobuf.message import Message
from protovalidate import ValidationError, validate

from command_service.domains.shop.payment_port import Approved, Declined
from tests.shop.fulfilment_messages import EMAIL, authorize, cancel, method, place, placed
from tests.shop.given import GivenStreams, given_streams
from tests.shop.messages import ORDER_ID, USER, eur, item

OK, NO = Approved("ref-1"), Declined("No money")
WHAT: Any = {"order_id": ORDER_ID, "amount": eur(1999)}
AUTHORIZED = events_pb2.PaymentAuthorized(**WHAT, payment=method(), provider_reference="ref-1")
DECLINED = events_pb2.PaymentDeclined(**WHAT, payment=method(), reason="No money")
CAPTURED = events_pb2.PaymentCaptured(**WHAT, provider_reference="ref-1")
VOIDED = events_pb2.PaymentVoided(**WHAT)
REFUNDED = events_pb2.PaymentRefunded(**WHAT, refunded_amount=eur(1999), provider_reference="ref-1", complete=True)
VOID, REFUND = commands.VoidPaymentRequest(order_id=ORDER_ID), commands.RefundPaymentRequest(order_id=ORDER_ID)
CAPTURE = commands.CapturePaymentRequest(order_id=ORDER_ID)
PROCESS = commands.ProcessPaymentRequest(**WHAT, payment=method())
ENDED_TEXT = "The order's payment was voided or paid back"
NOT_FOUND = ("NOT_FOUND", "PAYMENT_NOT_FOUND", "The order has no authorised payment")


def payment(*happened: Message, order: Sequence[Message] = ()) -> GivenStreams:
    return given_streams({f"shop.payment-{ORDER_ID}": happened, f"shop.order-{ORDER_ID}": order})


def refused(reason: str, text: str) -> tuple[str, str, str]:
    return "FAILED_PRECONDITION", reason, text


# promise 000-37
@pytest.mark.parametrize("before", [(), (DECLINED,)])
def test_an_authorisation_is_what_the_provider_answers(before: tuple[Message, ...]) -> None:
    payment(*before).when(authorize()).then_asks_the_world()
    payment(*before).when(authorize(), OK).then_streams([AUTHORIZED])
    payment(*before).when(authorize(), NO).then_streams([DECLINED])


def test_an_order_has_one_active_payment() -> None:
    for before in ((AUTHORIZED,), (AUTHORIZED, CAPTURED)):
        payment(*before).when(authorize()).then_quiet()
        for other in (authorize("tok_flaky"), authorize(amount=5)):
            payment(*before).when(other).then_refused(
                *refused("PAYMENT_ALREADY_ACTIVE", "The order has another payment already")
            )
    for ended in ((VOIDED,), (AUTHORIZED, VOIDED), (AUTHORIZED, CAPTURED, REFUNDED)):
        for command in (authorize(), PROCESS):
            payment(*ended).when(command).then_refused(*refused("PAYMENT_ENDED", f"{ENDED_TEXT}; it takes no other"))


def test_no_more_is_captured_than_is_authorised() -> None:
    payment(AUTHORIZED).when(CAPTURE).then_asks_the_world()
    payment(AUTHORIZED).when(CAPTURE, OK).then_streams([CAPTURED])
    payment(AUTHORIZED, CAPTURED).when(CAPTURE).then_quiet()
    part = commands.CapturePaymentRequest(order_id=ORDER_ID, amount=eur(5))
    collected = events_pb2.PaymentCaptured(order_id=ORDER_ID, amount=eur(5), provider_reference="ref-1")
    payment(AUTHORIZED).when(part, OK).then_streams([collected])
    payment(AUTHORIZED, CAPTURED).when(part).then_refused(
        *refused("PAYMENT_ALREADY_CAPTURED", "The payment is captured already, 19.99 of it")
    )
    more = commands.CapturePaymentRequest(order_id=ORDER_ID, amount=eur(2000))
    payment(AUTHORIZED).when(more).then_refused(
        *refused("CAPTURE_TOO_LARGE", "Cannot capture 20.00: 19.99 is authorised")
    )
    dollars = commands.CapturePaymentRequest(order_id=ORDER_ID, amount=eur(5, "USD"))
    payment(AUTHORIZED).when(dollars).then_refused(
        *refused("PAYMENT_CURRENCY_MISMATCH", "The payment is in EUR, not in USD")
    )
    for nothing in ((), (DECLINED,)):
        payment(*nothing).when(CAPTURE).then_refused(*NOT_FOUND)
    payment(AUTHORIZED, VOIDED).when(CAPTURE).then_refused(*refused("PAYMENT_ENDED", ENDED_TEXT))
    payment(AUTHORIZED).when(CAPTURE, NO).then_refused(
        *refused("PROVIDER_DECLINED", "The payment provider declined: No money")
    )


def test_a_payment_is_called_off_also_when_nothing_is_known_of_it() -> None:
    for before, event in (((AUTHORIZED,), VOIDED), ((), events_pb2.PaymentVoided(order_id=ORDER_ID))):
        payment(*before).when(VOID).then_asks_the_world()
        payment(*before).when(VOID, OK).then_streams([event])
    payment(AUTHORIZED, VOIDED).when(VOID).then_quiet()
    payment(AUTHORIZED, CAPTURED, REFUNDED).when(VOID).then_quiet()
    payment(AUTHORIZED, CAPTURED).when(VOID).then_refused(
        *refused("PAYMENT_ALREADY_CAPTURED", "The payment is captured: refund it instead")
    )


def test_no_more_is_paid_back_than_was_captured() -> None:
    payment(AUTHORIZED, CAPTURED).when(REFUND).then_asks_the_world()
    payment(AUTHORIZED, CAPTURED).when(REFUND, OK).then_streams([REFUNDED])
    payment(AUTHORIZED, CAPTURED, REFUNDED).when(REFUND).then_quiet()
    part = commands.RefundPaymentRequest(order_id=ORDER_ID, amount=eur(999))
    first = events_pb2.PaymentRefunded(
        order_id=ORDER_ID, amount=eur(999), refunded_amount=eur(999), provider_reference="ref-1"
    )
    rest = events_pb2.PaymentRefunded(
        order_id=ORDER_ID, amount=eur(1000), refunded_amount=eur(1999), provider_reference="ref-1", complete=True
    )
    payment(AUTHORIZED, CAPTURED).when(part, OK).then_streams([first])
    payment(AUTHORIZED, CAPTURED, first).when(REFUND, OK).then_streams([rest])
    more = commands.RefundPaymentRequest(order_id=ORDER_ID, amount=eur(1001))
    payment(AUTHORIZED, CAPTURED, first).when(more).then_refused(
        *refused("REFUND_TOO_LARGE", "Cannot refund 10.01: 10.00 is left of what was captured")
    )
    payment().when(REFUND).then_refused(*NOT_FOUND)
    payment(AUTHORIZED).when(REFUND).then_refused(*refused("PAYMENT_NOT_CAPTURED", "The payment is not captured"))


def test_processing_a_payment_holds_and_collects_in_one() -> None:
    payment().when(PROCESS).then_asks_the_world()
    payment().when(PROCESS, OK).then_streams([AUTHORIZED, CAPTURED])
    payment().when(PROCESS, NO).then_streams([DECLINED])
    payment(AUTHORIZED, CAPTURED).when(PROCESS).then_quiet()


def test_the_payment_of_a_plain_order_moves_it_on_and_a_declined_one_cancels_it() -> None:
    order = [placed(fulfilment=FULFILMENT_PLAIN)]
    moved = events_pb2.OrderStatusChanged(
        order_id=ORDER_ID, previous_status=ORDER_STATUS_PENDING, status=ORDER_STATUS_PROCESSING
    )
    paid = payment(order=order).when(PROCESS, OK).decision()
    assert paid.events == ((AUTHORIZED, CAPTURED), (moved,))
    assert len(paid.commands) == 3
    payment(order=order).when(PROCESS, NO).then_streams([DECLINED], commands=[cancel("Payment was declined: No money")])
    off = [*order, events_pb2.OrderCancelled(order_id=ORDER_ID, reason="late")]
    payment(order=off).when(PROCESS).then_refused(
        *refused("WRONG_MOMENT", "The order is cancelled: nothing is to be paid")
    )
    payment(order=off).when(PROCESS, OK).then_streams([AUTHORIZED, CAPTURED], commands=[REFUND])
    payment(order=off).when(PROCESS, NO).then_streams([DECLINED])


def test_the_provider_s_words_may_be_longer_than_the_reason_of_a_cancellation() -> None:
    wordy = Declined("no " * 400)
    declined = events_pb2.PaymentDeclined(**WHAT, payment=method(), reason=wordy.reason)
    reason = f"Payment was declined: {wordy.reason}"[:1000]
    plain = [placed(fulfilment=FULFILMENT_PLAIN)]
    payment(order=plain).when(PROCESS, wordy).then_streams([declined], commands=[cancel(reason)])


CARDS = ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005", "6304000000000000000"]


DISGUISED = [
    *("tok-4111111111111111", "-4111111111111111", "4111111111111111-"),
    *("pm-4111-1111-1111-1111", "tok-3782 822463 10005", "(4111)1111:11111111"),
    *("4111.1111.1111.1111", "4111/1111/1111/1111", "4111_1111_1111_1111", "4111\t1111\t1111\t1111"),
    "4111\N{NO-BREAK SPACE}1111\N{EN DASH}1111\N{MINUS SIGN}1111",
]


@pytest.mark.parametrize("card", [*CARDS, *(f"card {card}" for card in CARDS), "4222222222222", *DISGUISED])
def test_what_looks_like_a_card_number_is_refused_before_it_is_accepted(card: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validate(place(token=card))
    assert [violation.proto.message for violation in caught.value.violations] == [
        "A card number must never be sent: give the payment provider's token for it"
    ]


TOKENS = [
    *("tok_ok", "tok_4242", "01890a5d-ac96-774b-bcce-b302099a8057", "pm_123456789012"),
    *("12345678-1234-1234-1234-123456789012", "pm_1N4111111111111111aB", "3f4111111111111111ab"),
]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_no_card_number(token: str) -> None:
    validate(place(token=token))


CARD = "4111 1111-1111 1111"
CHECKOUT = partial(commands_pb2.CheckoutCartRequest, user_id=USER, payment=method(), customer_email=EMAIL)
ADDRESS = commands_pb2.ChangeShippingAddressRequest(order_id=ORDER_ID, shipping_address=Address(region=CARD))
WRITTEN = [
    *(place(shipping_address=Address(**{part.name: f"Visa {CARD}!"})) for part in Address.DESCRIPTOR.fields),
    *(place(customer_name=CARD), commands_pb2.CreateOrderRequest(customer_id="a", customer_name=CARD, items=[item()])),
    *(CHECKOUT(customer_name=CARD), CHECKOUT(shipping_address=Address(street=CARD)), ADDRESS),
    *(cancel(f"pay with {CARD}"), cancel("6304000000000000000"), cancel("(378282246310005)")),
]


@pytest.mark.parametrize("command", WRITTEN)
def test_no_card_number_is_accepted_where_a_customer_may_write_what_they_like(command: Message) -> None:
    with pytest.raises(ValidationError) as caught:
        validate(command)
    assert [violation.proto.message for violation in caught.value.violations] == [
        "A card number must never be sent: give the payment provider's token for it"
    ]


@pytest.mark.parametrize(
    "text", ["", "0049 170 1234567 89", "+44 7911 123456", "no 01890a5d-ac96-774b-bcce-b302099a8057", "9783161484100"]
)
def test_phone_numbers_and_ids_are_no_card_numbers(text: str) -> None:
    validate(place(customer_name=text, shipping_address=Address(recipient=text, street=text)))
    validate(cancel(f"called {text}"))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"items": []}, "Order must have at least one item"),
        ({"customer_email": ""}, "Customer email cannot be empty"),
        ({"customer_email": "nobody"}, "Invalid email nobody"),
        (
            {"payment": PaymentMethod(token="tok_ok", last_four="42424")},
            "Of a card only the last four digits are given",
        ),
    ],
)
def test_a_placed_order_has_items_an_address_for_mail_and_a_payment(changed: dict[str, Any], text: str) -> None:
    request = place()
    for name, value in changed.items():
        request.ClearField(name)  # type: ignore[arg-type]  # a field's name
        request.MergeFrom(commands_pb2.PlaceOrderRequest(**{name: value}))
    with pytest.raises(ValidationError) as caught:
        validate(request)
    assert caught.value.violations[0].proto.message == text
