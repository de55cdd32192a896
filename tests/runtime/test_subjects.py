"""Where records are published: a domain's by stream and type, a command's own by its channel."""

import re
from typing import Any

import pytest
from cqrs.admin.v1 import events_pb2 as events
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.events_pb2 import CartCleared
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from runtime.subjects import subject


def of(stream: str, event: Message) -> str:
    return subject(Record(type=event.DESCRIPTOR.full_name, stream=stream, data=event.SerializeToString()))


def test_a_domain_s_record_is_published_by_its_stream_and_type() -> None:
    assert of("shop.cart-user-1", CartCleared(user_id="user-1")) == "log.shop.cart.CartCleared"
    assert of("shop.fulfilment-7", events.TimerSet(process="shop.fulfilment")) == "log.shop.fulfilment.TimerSet"
    assert of("channel-bank.notify", events.ChannelPaused(channel="bank.notify")) == "log.channel.ChannelPaused"


# promise 000-12
@pytest.mark.parametrize(
    ("event", "begin"),
    [
        (events.CommandAccepted, "log.command.accepted"),
        (events.FailedCommandRetried, "log.command.accepted"),
        (events.CommandSucceeded, "log.command.outcome"),
        (events.CommandRefused, "log.command.outcome"),
        (events.CommandFailed, "log.command.outcome"),
        (events.FailedCommandDiscarded, "log.command.outcome"),
        (events.ScheduledCommandCancelled, "log.command.outcome"),
    ],
)
def test_a_command_s_record_is_published_by_its_channel(event: Any, begin: str) -> None:
    assert of("command-7", event(command_id="7", channel="orders")) == f"{begin}.orders"
    assert of("command-7", event(command_id="7", channel="bank.notify")) == f"{begin}.bank-notify"


@pytest.mark.parametrize(
    ("channel", "token"),
    [("", "_"), ("a b", "a_b"), ("*", "_"), ("a>", "a_"), ("ü.", "_-"), ("a\r\nPUB x", "a__PUB_x")],
)
def test_what_a_subject_cannot_hold_is_replaced(channel: str, token: str) -> None:
    assert of("command-7", events.CommandAccepted(channel=channel)) == f"log.command.accepted.{token}"


@given(st.text(max_size=100))
def test_every_channel_gives_one_valid_part_of_a_subject(channel: str) -> None:
    event = events.CommandFailed(command_id="7", channel=channel)
    assert re.fullmatch(r"log\.command\.outcome\.[A-Za-z0-9_-]+", of("command-7", event))


def test_a_command_s_record_that_does_not_decode_or_is_not_known_is_published_all_the_same() -> None:
    broken = Record(type="cqrs.admin.v1.CommandFailed", stream="command-7", data=b"\xff")
    assert subject(broken) == "log.command.CommandFailed"
    assert subject(Record(type="cqrs.admin.v2.CommandParked", stream="command-7")) == "log.command.CommandParked"
