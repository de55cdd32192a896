"""Asynchronous commands to read: each record's effect on a command's view, and the lists, against a plain fold."""

from itertools import product
from typing import Any

import pytest
from cqrs.admin.v1 import events_pb2
from cqrs.admin.v1.views_pb2 import CommandView
from cqrs.common.v1.common_pb2 import CommandReceipt, CommandState, ConsistencyToken
from cqrs.options.v1.options_pb2 import event, view
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from hypothesis import given
from hypothesis import strategies as st

from command_service.event_log import Entry, NewRecord
from projector.domains.platform import PROJECTIONS
from query_service.answer import One
from query_service.read_store import Slice
from query_service.redis_read_store import open_redis_read_store
from tests.projector.world import World
from tests.query.commands import (
    CANCEL,
    COMMANDS,
    PLACE,
    History,
    accepted,
    cancelled,
    discarded,
    failed,
    moment,
    refused,
    retried,
    succeeded,
)
from tests.query.writers import EPOCH
from tests.relay.history import eventually

ONE = accepted("one")


def after(*happened: Message) -> CommandView:
    shown = History().happen(*happened).views["command:one"]
    assert isinstance(shown, CommandView)
    return shown


def test_a_command_that_was_accepted_waits() -> None:
    sent = accepted("one", process="shop.fulfilment", process_instance="7", due_time=moment(900))
    assert after(sent) == CommandView(
        command_id="one",
        state="COMMAND_STATE_ACCEPTED",
        channel="orders",
        rpc="cqrs.shop.v1.OrderCommandService.PlaceOrder",
        type=PLACE,
        stream="shop.order-7",
        request=b"\x0a\x00",
        correlation_id="checkout-1",
        causation_id="cause-1",
        accept_time=moment(101),
        due_time=moment(900),
        process="shop.fulfilment",
        process_instance="7",
        version=1,
        accept_position=101,
    )


def test_one_that_succeeded_has_its_receipt_with_the_token_of_the_outcome() -> None:
    expected = after(ONE)
    expected.state = CommandState.COMMAND_STATE_SUCCEEDED
    expected.attempts, expected.version = 3, 2
    expected.run_time.CopyFrom(Duration(seconds=1, nanos=250_000_000))
    expected.outcome_time.CopyFrom(moment(102))
    token = ConsistencyToken(epoch=EPOCH, position=102)
    expected.receipt.CopyFrom(
        CommandReceipt(command_id="one", aggregate_id="7", version=3, channel="orders", token=token)
    )
    assert after(ONE, succeeded(ONE, attempts=3)) == expected


def test_one_that_was_refused_says_why() -> None:
    shown = after(ONE, refused(ONE))
    assert (shown.state, shown.attempts, shown.version) == (CommandState.COMMAND_STATE_REFUSED, 1, 2)
    assert shown.refusal == refused(ONE).refusal
    assert not shown.HasField("receipt")


# promise 000-21, 001-49
def test_one_that_failed_says_what_went_wrong_and_after_a_retry_it_waits_as_if_new() -> None:
    shown = after(ONE, failed(ONE))
    assert (shown.state, shown.attempts) == (CommandState.COMMAND_STATE_FAILED, 5)
    assert (shown.error, shown.run_time.ToMilliseconds()) == ("no answer in 30 s", 40)
    again = after(ONE, failed(ONE), retried(ONE))
    expected = after(ONE)
    expected.version = 3
    expected.outcome_time.CopyFrom(moment(103))
    assert again == expected


def test_one_that_was_discarded_stays_failed_with_the_reason() -> None:
    shown = after(ONE, failed(ONE), discarded(ONE, "sent twice"))
    assert (shown.state, shown.discarded, shown.discard_reason) == (
        CommandState.COMMAND_STATE_FAILED,
        True,
        "sent twice",
    )
    assert shown.error == "no answer in 30 s"


def test_one_that_was_called_off_is_refused_as_such() -> None:
    shown = after(accepted("one", due_time=moment(900)), cancelled(ONE))
    assert (shown.state, shown.refusal.reason) == (CommandState.COMMAND_STATE_REFUSED, "SCHEDULE_CANCELLED")
    assert (shown.refusal.code, shown.refusal.domain) == (Code.Value("FAILED_PRECONDITION"), "cqrs.admin.v1")
    assert "called off" in shown.refusal.text


def test_an_outcome_of_what_was_never_accepted_stops_the_projection_naming_it() -> None:
    with pytest.raises(LookupError, match=r"CommandFailed at version 1 of command:one.*never accepted"):
        History().happen(failed(ONE))


def test_every_event_of_a_command_is_projected_and_the_key_is_the_contract_s() -> None:
    declared = {
        message.full_name
        for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
        if message.GetOptions().Extensions[event].aggregate == "command"
    }
    assert {handled.DESCRIPTOR.full_name for handled in COMMANDS.handles} == declared
    options = CommandView.DESCRIPTOR.GetOptions().Extensions[view]
    assert options.projection == COMMANDS.name
    assert set(History().happen(ONE).views) == {options.key.format(command_id="one")}


NEXT = {
    "accepted": {"succeeded": succeeded, "refused": refused, "failed": failed, "cancelled": cancelled},
    "failed": {"retried": retried, "discarded": discarded},
}
AFTER = {"failed": "failed", "retried": "accepted"}
CHANNELS = ("orders", "bank.notify", "a:b")
STATES = ("accepted", "succeeded", "refused", "failed")


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """Commands on a few channels, each going its way, interleaved."""
    happened: list[Message] = []
    under_way: dict[str, tuple[Any, str]] = {}
    for number in range(draw(st.integers(1, 30))):
        movable = sorted(under_way)
        if not movable or draw(st.booleans()):
            new = accepted(str(number), draw(st.sampled_from(CHANNELS)), draw(st.sampled_from((PLACE, CANCEL))))
            under_way[new.command_id] = (new, "accepted")
            happened.append(new)
            continue
        before, state = under_way.pop(draw(st.sampled_from(movable)))
        name = draw(st.sampled_from(sorted(NEXT[state])))
        happened.append(NEXT[state][name](before))
        if name in AFTER:
            under_way[before.command_id] = (before, AFTER[name])
    return happened


@given(histories())
def test_every_list_holds_exactly_the_commands_that_a_plain_fold_finds(happened: list[Message]) -> None:
    history = History().happen(*happened)
    plain: dict[str, dict[str, Any]] = {}
    for position, record, each in history.records:
        command: Any = each
        kind = record.type.rpartition(".")[2]
        found = plain.setdefault(
            command.command_id, {"place": position, "channel": command.channel, "type": command.type}
        )
        found["version"] = record.version
        found["discarded"] = kind == "FailedCommandDiscarded"
        found["state"] = {
            "CommandSucceeded": "succeeded",
            "CommandRefused": "refused",
            "ScheduledCommandCancelled": "refused",
            "CommandFailed": "failed",
            "FailedCommandDiscarded": "failed",
        }.get(kind, "accepted")
    for state, channel, type_ in product(("", *STATES), ("", *CHANNELS), ("", PLACE, CANCEL)):
        inside = [
            name
            for name, each in sorted(plain.items(), key=lambda item: -item[1]["place"])
            if state in ("", each["state"]) and channel in ("", each["channel"]) and type_ in ("", each["type"])
        ]
        assert history.newest_first(f"commands:{state}:{channel}:{type_}") == inside
        if state == "failed":
            kept = [name for name in inside if not plain[name]["discarded"]]
            assert history.newest_first(f"failed:{channel}:{type_}") == kept
    assert {key: shown.version for key, shown in history.views.items()} == {
        f"command:{name}": each["version"] for name, each in plain.items()
    }


async def test_commands_come_through_the_stream_into_the_store_with_their_lists(place: World) -> None:
    sent = [accepted(str(number), CHANNELS[number % 3], (PLACE, CANCEL)[number % 2]) for number in range(12)]
    history = History().happen(*sent, *map(failed, sent[:8]), *map(retried, sent[:4]))
    history.happen(succeeded(sent[0], 2), refused(sent[1]), discarded(sent[5]), cancelled(sent[11]))
    for _, record, _ in history.records:
        new = NewRecord(record.stream, record.version, record.type, record.SerializeToString())
        reads = ((record.stream, record.version - 1),)
        await place.log.append(Entry(record.id, b"", reads, (new,), receipt=b"done"))
    place.projections = PROJECTIONS
    await place.relay()
    await eventually((await place.project()).at(len(history.records)))
    async with open_redis_read_store(place.valkey.url_for("query")) as store:
        for name in history.lists:
            page = await store.page(Slice(COMMANDS.name, name, None, 0, 100))
            shown = [CommandView.FromString(view) for view in page.views]
            assert [view.command_id for view in shown] == history.newest_first(name), name
        found = await store.view(One(COMMANDS.name, CommandView, "command:0"))
        token = CommandView.FromString(found.view or b"").receipt.token
    assert token.epoch == (await place.log.head()).epoch
    assert token.position == len(history.records) - 3
