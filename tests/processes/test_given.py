"""A process manager is tested like a decision: what it knows, what comes, what it leads to."""

import dataclasses

import protovalidate
import pytest
from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1 import events_pb2 as events
from cqrs.shop.v1.types_pb2 import ORDER_STATUS_PROCESSING

from command_service.process import Process, Reaction, Timer
from command_service.processes import DuplicateProcess, UnusableName, checked
from tests.processes.delivery import delivery
from tests.processes.given import failed, fired, given, refused

DELIVERY = delivery()
STARTED = events.FulfilmentStarted(order_id="o")
SHIPPED = events.OrderShipped(order_id="o", tracking_number="t")
COMPLETE = commands.CompleteOrderRequest(order_id="o")


def other(**changes: object) -> Process:
    return dataclasses.replace(DELIVERY, **changes)


def test_an_order_is_followed_to_its_end() -> None:
    (
        given(DELIVERY)
        .when(events.OrderCreated(order_id="o"))
        .then(
            events=[STARTED],
            commands=[commands.UpdateOrderStatusRequest(order_id="o", status=ORDER_STATUS_PROCESSING)],
            timers=[Timer("ship", 3600), Timer("remind", 1800)],
        )
        .when(SHIPPED)
        .then(events=[events.FulfilmentEnded(order_id="o")], commands=[COMPLETE], cancels=["ship", "remind"])
        .when(SHIPPED)
        .then_nothing()
    )


def test_what_became_of_its_timers_and_commands_are_inputs_too() -> None:
    running = given(DELIVERY, STARTED)
    running.when(fired("remind")).then_nothing()
    assert running.when(refused(COMPLETE, "SOLD_OUT")).reaction().events[0].reason == "SOLD_OUT"  # type: ignore[attr-defined]
    assert running.when(failed(COMPLETE, "boom")).reaction().events[0].reason == "boom"  # type: ignore[attr-defined]


def test_a_case_shows_what_no_process_manager_may_do() -> None:
    def changes(event: events.OrderShipped, *_: object) -> Reaction:
        event.tracking_number += "!"
        return Reaction()

    with pytest.raises(AssertionError, match="the input was changed"):
        given(other(react=changes)).when(events.OrderShipped(order_id="o")).then_nothing()
    answers = iter((Reaction(), Reaction(cancels=("ship",))))
    with pytest.raises(AssertionError, match="something else"):
        given(other(react=lambda *_: next(answers))).when(SHIPPED).then_nothing()
    with pytest.raises(AssertionError, match=r"OrderShipped is no event of test\.delivery"):
        given(other(react=lambda *_: Reaction(events=(SHIPPED,)))).when(SHIPPED).then(events=[SHIPPED])
    invalid = commands.CompleteOrderRequest()
    with pytest.raises(protovalidate.ValidationError, match="order_id"):
        given(other(react=lambda *_: Reaction(commands=(invalid,)))).when(SHIPPED).then(commands=[invalid])
    with pytest.raises(AssertionError, match="does not follow it"):
        given(DELIVERY).when(events.CartCleared()).then_nothing()


def test_two_process_managers_of_one_name_are_an_error_that_names_both() -> None:
    with pytest.raises(DuplicateProcess) as caught:
        checked([DELIVERY, other(react=test_an_order_is_followed_to_its_end)])
    for text in ("'test.delivery'", "delivery.<locals>.react", "test_an_order_is_followed_to_its_end"):
        assert text in str(caught.value)


def test_names_that_could_not_be_told_from_an_instance_are_refused() -> None:
    unusable = other(state=dataclasses.replace(DELIVERY.state, category="test.a-b"))
    with pytest.raises(UnusableName, match=r"'test\.a-b'"):
        checked([unusable])
    with pytest.raises(ValueError, match="must not contain '/'"):
        Timer("a/b", 1)
