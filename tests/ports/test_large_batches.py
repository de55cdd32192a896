"""However much is in a batch, and whatever is wrong with one of its entries, it comes to its end in time."""

import asyncio
from dataclasses import replace

import pytest

from command_service.event_log import Appended, Entry
from command_service.postgres import connections
from command_service.postgres.appender import Appender
from ops.embedded import EmbeddedPostgres
from tests.ports.work import SUCCEEDED, Open, acceptance, claimed, new, sending


def deciding(channel: str, commands: int) -> Entry:
    """A decision that sends so many commands, each about something else."""
    entry = Entry(new("sender"), b"", (), (), (), b"done", SUCCEEDED)
    return sending(entry, *(acceptance(channel, new("t.thing")) for _ in range(commands)))


async def test_decisions_that_send_hundreds_of_commands_are_appended_beside_one_that_comes_twice(work: Open) -> None:
    channel = new("many")
    entries = [deciding(channel, 500) for _ in range(10)]
    appended = await asyncio.gather(*(work.log.append(entry) for entry in [*entries, entries[0]]))
    assert [each.replayed for each in appended] == [False] * 10 + [True]
    assert (await work.queue.counts(channel))[0].ready == 5000


async def test_a_decision_that_sends_one_id_twice_among_hundreds_is_refused_whole(work: Open) -> None:
    channel, once = new("many"), acceptance(new("once"), new("t.thing"))
    bad = sending(deciding(channel, 100), once, once)
    good = deciding(channel, 3)
    refused, appended = await asyncio.gather(work.log.append(bad), work.log.append(good), return_exceptions=True)
    assert type(refused).__name__ in ("CommandIdReused", "VersionConflict")
    assert isinstance(appended, Appended)
    assert (await work.queue.counts(channel))[0].ready == 3


async def test_commands_of_one_stream_that_one_decision_sends_keep_their_order(work: Open) -> None:
    channel, stream = new("many"), new("t.thing")
    sent = [acceptance(channel, stream) for _ in range(20)]
    first = sending(Entry(new("sender"), b"", (), (), (), b"done", SUCCEEDED), *sent)
    await asyncio.gather(*(work.log.append(each) for each in (first, first)))
    assert await claimed(work, channel) == [sent[0].command_id]


async def test_a_batch_that_takes_longer_than_a_statement_may_is_appended_in_parts(
    migrated: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections._SESSION, "statement_timeout", "150ms")
    channel = new("many")
    entries = [acceptance(channel, new("t.thing")) for _ in range(1500)]
    appender = Appender(migrated.dsn("obverse_service"), 30.0)
    try:
        outcomes = await appender.send([*entries, replace(entries[0])])
    finally:
        appender.close()
    assert [each.replayed for each in outcomes if isinstance(each, Appended)] == [False] * 1500 + [True]
    positions = [each.position for each in outcomes if isinstance(each, Appended)]
    assert positions[:1500] == list(range(positions[0], positions[0] + 1500))
