"""`obverse trace`: the tree of one correlation id, from made-up records and over a real LogService."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import Result
from cqrs.admin.v1 import events_pb2 as events
from cqrs.log.v1.log_service_pb2 import DESCRIPTOR
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.events_pb2 import CartCleared, ItemAddedToCart, OrderCancelled, OrderCreated
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner

from command_service.event_log import Entry, NewRecord
from command_service.log_service import LogService
from command_service.memory_event_log import MemoryEventLog
from ops.cli import app
from ops.trace import Trace
from ops.trace_shown import lines, values
from runtime.grpc_server import serve
from tests.query.commands import CANCEL, accepted, discarded, failed, refused, retried, succeeded
from tests.query.conftest import LIMITS

PLACED, CALLED_OFF = accepted("place"), accepted("cancel", "bank.notify", CANCEL)


class Story:
    """Records one after the other, 20 ms apart, and the trace of "checkout" through them."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def tell(self, event: Message, stream: str, cause: str = "", correlation: str = "checkout") -> str:
        """Append an event; its record's id."""
        number = len(self.records) + 1
        time = Timestamp()
        time.FromMilliseconds(1_700_000_000_000 + number * 20)
        kind = event.DESCRIPTOR.full_name
        version = sum(record.stream == stream for record in self.records) + 1
        record = Record(id=f"r{number}", type=kind, stream=stream, version=version, time=time)
        record.data = event.SerializeToString()
        record.correlation_id, record.causation_id = correlation, cause
        self.records.append(record)
        return record.id

    def own(self, event: Any, cause: str = "", correlation: str = "checkout") -> str:
        """Append a record of a command's own stream."""
        return self.tell(event, f"command-{event.command_id}", cause, correlation)

    def roots(self) -> Any:
        trace = Trace("checkout")
        for position, record in enumerate(self.records, 1):
            trace.take(position, record.SerializeToString())
        return trace.roots()

    def tree(self) -> list[str]:
        """The lines, without times."""
        return [line.partition(", 2023-")[0] for line in lines(self.roots())]


@pytest.fixture
def story() -> Story:
    """A synchronous checkout sends PlaceOrder; a process manager reacts to the order and sends CancelOrder."""
    story = Story()
    story.tell(CartCleared(user_id="7"), "shop.cart-7", "checkout")
    story.own(PLACED, "checkout")
    story.tell(ItemAddedToCart(user_id="8"), "shop.cart-8", "other", "other")
    created = story.tell(OrderCreated(order_id="1"), "shop.order-1", "place")
    story.own(succeeded(PLACED), "place")
    story.tell(events.TimerSet(process="shop.fulfilment"), "shop.fulfilment-1", created)
    story.own(CALLED_OFF, created)
    story.own(failed(CALLED_OFF), "cancel")
    story.own(retried(CALLED_OFF), "operator-1", "operator-1")
    story.tell(OrderCancelled(order_id="1"), "shop.order-1", "cancel")
    story.own(succeeded(CALLED_OFF, attempts=2), "cancel")
    return story


# promise 001-60
def test_a_trace_shows_commands_events_and_reactions_each_under_its_cause(story: Story) -> None:
    assert story.tree() == [
        "command checkout, synchronous",
        "├─ CartCleared shop.cart-7@1, position 1",
        "└─ command place PlaceOrderRequest on orders: SUCCEEDED, 1 attempt, ran 1.25 s, 60 ms after its acceptance",
        "   └─ OrderCreated shop.order-1@1, position 4",
        "      ├─ TimerSet shop.fulfilment-1@1, position 6",
        "      └─ command cancel CancelOrderRequest on bank.notify: SUCCEEDED, 2 attempts, ran 1.25 s, 80 ms after its"
        " acceptance, retried by an operator 1 time",
        "         └─ OrderCancelled shop.order-1@2, position 10",
    ]


def test_programs_get_each_node_with_its_parent(story: Story) -> None:
    shown = list(values(story.roots()))
    assert [(node["id"], node["parent"], node["kind"]) for node in shown] == [
        ("checkout", None, "command"),
        ("r1", "checkout", "event"),
        ("place", "checkout", "command"),
        ("r4", "place", "event"),
        ("r6", "r4", "event"),
        ("cancel", "r4", "command"),
        ("r10", "cancel", "event"),
    ]
    assert shown[5] == {
        "id": "cancel",
        "parent": "r4",
        "position": 7,
        "kind": "command",
        "execution": "async",
        "type": CANCEL,
        "channel": "bank.notify",
        "process": "",
        "state": "SUCCEEDED",
        "time": "2023-11-14T22:13:20.140Z",
        "retries": 1,
        "why": "",
        "attempts": 2,
        "run_millis": 1250,
        "after_millis": 80,
    }


@pytest.mark.parametrize(
    ("outcomes", "ends"),
    [
        ((), "on orders: ACCEPTED"),
        ((refused,), "REFUSED, 1 attempt, ran 2 ms, 20 ms after its acceptance, INSUFFICIENT_STOCK: No"),
        ((failed,), "FAILED, 5 attempts, ran 40 ms, 20 ms after its acceptance, no answer in 30 s"),
        ((failed, discarded), "FAILED, discarded, 40 ms after its acceptance, a test order"),
        ((failed, retried), "ACCEPTED, retried by an operator 1 time"),
    ],
)
def test_a_command_s_line_says_how_far_it_has_come(outcomes: tuple[Any, ...], ends: str) -> None:
    story = Story()
    story.own(PLACED)
    for outcome in outcomes:
        story.own(outcome(PLACED), "place")
    (line,) = story.tree()
    assert line.endswith(ends)


def test_what_reacts_to_a_refusal_or_a_timer_hangs_under_it() -> None:
    story = Story()
    story.own(PLACED)
    outcome = story.own(refused(PLACED), "place")
    fulfilment = "shop.fulfilment-1"
    timer = story.tell(events.TimerSet(process="shop.fulfilment"), fulfilment, outcome)
    story.own(CALLED_OFF, outcome)
    story.tell(events.TimerFired(process="shop.fulfilment"), fulfilment, timer)
    assert [line.partition(",")[0] for line in story.tree()] == [
        "command place PlaceOrderRequest on orders: REFUSED",
        "├─ TimerSet shop.fulfilment-1@1",
        "│  └─ TimerFired shop.fulfilment-1@2",
        "└─ command cancel CancelOrderRequest on bank.notify: ACCEPTED",
    ]


def test_causes_that_callers_make_up_hide_nothing() -> None:
    story = Story()
    for command_id, cause in (("a", "b"), ("b", "a"), ("c", "c"), ("d", "nobody")):
        story.own(accepted(command_id), cause)
    story.tell(CartCleared(user_id="7"), "shop.cart-7")
    trees = story.roots()
    assert [node.id for node in trees] == ["a", "c", "d", "r5"]
    assert [node.id for node in trees[0].children] == ["b"]


def test_a_chain_of_any_length_is_shown() -> None:
    story = Story()
    cause = ""
    for number in range(600):
        story.own(accepted(str(number)), cause)
        cause = story.tell(CartCleared(user_id="7"), "shop.cart-7", str(number))
    assert len(list(lines(story.roots()))) == len(list(values(story.roots()))) == 1_200


async def traced(story: Story, *arguments: str) -> Result:
    log = MemoryEventLog()
    for record in story.records:
        new = NewRecord(record.stream, record.version, record.type, record.SerializeToString())
        await log.append(Entry(record.id, b"", ((record.stream, record.version - 1),), (new,), receipt=b"done"))
    async with serve(
        "127.0.0.1:0", [(DESCRIPTOR.services_by_name["LogService"], LogService(log).handlers())], LIMITS
    ) as port:
        return await obverse(port, *arguments)


async def obverse(port: int, *arguments: str) -> Result:
    env = {"OBVERSE_COMMAND_ADDRESS": f"127.0.0.1:{port}", "OBVERSE_DATA": "no such folder"}
    return await asyncio.to_thread(CliRunner().invoke, app, ["trace", *arguments], env=env)


# promise 001-60
async def test_the_command_reads_the_log_and_prints_the_tree(story: Story) -> None:
    done = await traced(story, "checkout")
    assert done.exit_code == 0, done.output
    assert [line.partition(", 2023-")[0] for line in done.stdout.splitlines()] == story.tree()
    done = await traced(story, "checkout", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == list(values(story.roots()))


async def test_an_id_that_nothing_has_is_an_error_that_says_where_to_find_one(story: Story) -> None:
    done = await traced(story, "nothing")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "No record of the log has the correlation id 'nothing'" in done.stderr


async def test_a_log_that_cannot_be_read_is_an_error_that_says_where() -> None:
    done = await obverse(1, "checkout")
    assert done.exit_code == 1
    assert "The log cannot be read at 127.0.0.1:1" in done.stderr
