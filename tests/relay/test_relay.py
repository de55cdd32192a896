"""The relay over a real broker: whatever happens, the stream is the log's copy or the relay says why not."""

# promise 004-4

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from cqrs.admin.v1.events_pb2 import CommandAccepted, CommandFailed
from cqrs.log.v1.record_pb2 import Record
from nats.js import JetStreamContext

from command_service.event_log import Entry, NewRecord
from command_service.memory_event_log import MemoryEventLog
from command_service.relay.declaration import Extent, declared
from command_service.relay.errors import Unpublishable
from command_service.relay.messages import single
from command_service.relay.report import State
from ops.embedded import EmbeddedNats
from runtime.record import Logged
from tests.relay.broken_line import broken_line
from tests.relay.history import eventually, grow, is_copy, jetstream, messages, relaying, stored


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedNats]:
    with EmbeddedNats(tmp_path / "nats") as server:
        yield server


async def test_a_missing_stream_is_created_as_declared_and_filled(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    await grow(log, 1500)
    async with relaying(log, broker.url_for("relay")) as report:
        await eventually(lambda: report.stream_position == 1500)
        assert report.shown() == {
            "reason": "", "log_position": 1500, "stream_position": 1500, "faults": [], "holes": 0,
        }  # fmt: skip
        assert report.state is State.STREAMING
    await is_copy(log, broker.url)


async def test_a_stream_that_is_behind_is_continued(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    await grow(log, 7)
    async with relaying(log, broker.url_for("relay")) as report:
        await eventually(lambda: report.stream_position == 7)
    await grow(log, 3)
    async with relaying(log, broker.url_for("relay")) as report:
        await eventually(lambda: report.stream_position == 10)
    await is_copy(log, broker.url)


async def test_a_stream_that_is_complete_is_left_as_it_is(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    await grow(log, 20)
    for _ in range(2):
        async with relaying(log, broker.url_for("relay")) as report:
            await eventually(lambda report=report: report.state is State.STREAMING and report.stream_position == 20)
    await is_copy(log, broker.url)


async def test_records_are_published_when_they_come_without_waiting_for_a_poll(broker: EmbeddedNats) -> None:
    # promise 001-55
    log = MemoryEventLog()
    async with relaying(log, broker.url_for("relay"), relay_poll_seconds=60) as report:
        await eventually(lambda: report.state is State.STREAMING)
        for position in range(1, 20):
            await grow(log, 1)
            await eventually(lambda position=position: report.stream_position == position, 5)


async def test_a_stream_ahead_of_the_log_is_divergence_and_nothing_is_touched(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    await grow(log, 10)
    async with relaying(log, broker.url_for("relay")) as report:
        await eventually(lambda: report.stream_position == 10)
    before = [(each.seq, each.data) for each in await messages(broker.url)]
    shorter = await _shortened(log, 8)
    async with relaying(shorter, broker.url_for("relay")) as report:
        await eventually(lambda: report.state is State.DIVERGED)
        assert "the log has lost its tail" in report.reason
        await grow(shorter, 5)
        await eventually(lambda: report.log_position == 13)
        assert report.state is State.DIVERGED
    async with relaying(shorter, broker.url_for("relay")) as report:
        await eventually(lambda: "another record" in report.reason)
        assert report.state is State.DIVERGED
    assert [(each.seq, each.data) for each in await messages(broker.url)] == before


async def test_the_stream_of_another_epoch_is_divergence(broker: EmbeddedNats) -> None:
    log, other = MemoryEventLog(), MemoryEventLog()
    await grow(log, 3)
    await grow(other, 5)
    async with relaying(log, broker.url_for("relay")) as report:
        await eventually(lambda: report.stream_position == 3)
    async with relaying(other, broker.url_for("relay")) as report:
        await eventually(lambda: report.state is State.DIVERGED)
        assert "epoch" in report.reason
    await is_copy(log, broker.url)


async def test_a_message_of_somebody_else_is_divergence(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    await grow(log, 3)
    async with relaying(log, broker.url_for("relay")) as report, jetstream(broker.url) as stream:
        await eventually(lambda: report.stream_position == 3)
        await stream.publish("log.shop.cart.CartCleared", b"rogue")
        await grow(log, 3)
        await eventually(lambda: report.state is State.DIVERGED)
        assert "was not published by a relay" in report.reason
        before = len(await messages(broker.url))
        await grow(log, 3)
        await eventually(lambda: report.log_position == 9)
        assert report.state is State.DIVERGED
    assert len(await messages(broker.url)) == before


async def test_a_stream_deleted_meanwhile_is_created_and_refilled(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    await grow(log, 50)
    async with relaying(log, broker.url_for("relay"), relay_poll_seconds=0.1) as report:
        await eventually(lambda: report.stream_position == 50)
        async with jetstream(broker.url) as stream:
            await stream.delete_stream("LOG")
            await eventually(lambda: stored(stream, 50))
            await eventually(lambda: report.stream_position == 50 and report.state is State.STREAMING)
            await is_copy(log, broker.url)
            await stream.delete_stream("LOG")
        await grow(log, 30)
        await eventually(lambda: report.stream_position == 80 and report.state is State.STREAMING)
    await is_copy(log, broker.url)


async def test_a_lost_answer_leads_to_a_comparison_and_nothing_is_stored_twice(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    async with broken_line(broker.port) as line:
        url = broker.url_for("relay").replace(str(broker.port), str(line.port))
        async with relaying(log, url, relay_ack_seconds=0.3, relay_audit_seconds=60) as report:
            await eventually(lambda: report.state is State.STREAMING)
            for records in (1, 3, 40):
                line.answers, line.swallowed = False, 0
                await grow(log, records)
                await eventually(lambda: line.swallowed > 0)
                await line.cut()
                line.answers = True
                await grow(log, 2)
                position = (await log.head()).position
                await eventually(lambda position=position: report.stream_position == position)
    await is_copy(log, broker.url)


async def test_a_broker_that_never_answers_a_publish_is_stuck_and_tried_again(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    await grow(log, 1)
    async with relaying(log, broker.url_for("relay")) as report, jetstream(broker.url) as stream:
        await eventually(lambda: report.stream_position == 1)
        await _resize(stream, 1)
        await grow(log, 9)
        await eventually(lambda: report.state is State.STUCK)
        assert "maximum bytes exceeded" in report.reason
        await _resize(stream, -1)
        await eventually(lambda: report.stream_position == 10 and report.state is State.STREAMING)
    await is_copy(log, broker.url)


async def test_a_stream_that_is_not_as_declared_is_reported_and_filled_all_the_same(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    async with relaying(log, broker.url_for("relay")) as report, jetstream(broker.url) as stream:
        await eventually(lambda: report.state is State.STREAMING)
        await _resize(stream, 1_000_000)
        await eventually(lambda: report.faults == ("max_bytes is 1000000, declared is -1",))
        await grow(log, 10)
        await eventually(lambda: report.stream_position == 10)


async def test_two_relays_at_once_change_nothing(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    async with relaying(log, broker.url_for("relay")) as one, relaying(log, broker.url_for("relay")) as other:
        for records in (1, 2, 200, 3, 1, 1, 700, 30) * 2:
            await grow(log, records)
            await asyncio.sleep(0)
        position = (await log.head()).position
        await eventually(lambda: max(one.stream_position, other.stream_position) == position)
    await is_copy(log, broker.url)


async def test_a_broker_killed_while_it_is_written_to_loses_and_repeats_nothing(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    async with relaying(log, broker.url_for("relay")) as report:
        for round_ in range(3):
            await grow(log, 3000)
            await eventually(lambda round_=round_: report.stream_position > 3000 * round_ + 300)
            await asyncio.to_thread(broker.kill)
            await eventually(lambda: report.state is not State.STREAMING)
            await asyncio.to_thread(broker.start)
        await eventually(lambda: report.stream_position == 9000)
    await is_copy(log, broker.url)


async def test_nothing_but_the_declared_stream_is_allowed_to_the_relay(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    await grow(log, 1)
    async with relaying(log, broker.url_for("relay")) as report:
        await eventually(lambda: report.stream_position == 1)
    async with jetstream(broker.url) as stream:
        config = (await stream.stream_info("LOG")).config
    wanted = declared((await log.head()).epoch, 1)
    assert (config.deny_delete, config.deny_purge, config.allow_atomic) == (True, True, True)
    assert (config.max_msg_size, config.storage, config.discard) == (512 * 1024, wanted.storage, wanted.discard)
    assert (config.metadata or {})["epoch"] == (await log.head()).epoch


def test_messages_that_are_missing_inside_the_stream_are_holes() -> None:
    assert Extent(1, 10, 10, "", ()).holes == 0
    assert Extent(1, 10, 7, "", ()).holes == 3
    assert Extent(5, 10, 6, "", ()).holes == 0
    assert Extent(0, 0, 0, "", ()).holes == 0


# promise 000-12
async def test_commands_are_published_under_their_channel(broker: EmbeddedNats) -> None:
    log = MemoryEventLog()
    sent = (
        CommandAccepted(command_id="7", channel="bank.notify"),
        CommandFailed(command_id="7", channel="bank.notify"),
    )
    for version, event in enumerate(sent):
        record = Record(id=f"r{version}", type=event.DESCRIPTOR.full_name, stream="command-7", version=version + 1)
        record.data = event.SerializeToString()
        new = NewRecord(record.stream, record.version, record.type, record.SerializeToString())
        await log.append(Entry(record.id, b"", ((record.stream, version),), (new,), receipt=b"done"))
    async with relaying(log, broker.url_for("relay")) as report:
        await eventually(lambda: report.stream_position == 2)
    found = await messages(broker.url)
    assert [each.subject for each in found] == ["log.command.accepted.bank-notify", "log.command.outcome.bank-notify"]
    await is_copy(log, broker.url)


def test_a_name_that_is_no_part_of_a_subject_is_refused() -> None:
    record = Record(type="a.b\r\nPUB evil", stream="shop.cart-1").SerializeToString()
    with pytest.raises(Unpublishable, match="is no subject"):
        single("epoch", Logged(1, record, b""), "reply")


async def _resize(stream: JetStreamContext, max_bytes: int) -> None:
    config = (await stream.stream_info("LOG")).config
    config.max_bytes = max_bytes
    await stream.update_stream(config)


async def _shortened(log: MemoryEventLog, records: int) -> MemoryEventLog:
    """The same history without its tail, as after restoring an old backup."""
    shorter = MemoryEventLog()
    kept = log._log[:records]
    shorter._head = type(shorter._head)(log._head.epoch, records, kept[-1][1].chain)
    shorter._log = kept
    return shorter
