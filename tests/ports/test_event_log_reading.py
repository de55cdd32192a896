"""Reading the log through its port: pages, filters, and waiting for more."""

import asyncio

from command_service.event_log import EventLog, LogFilter
from tests.ports.entries import adding, entry, records, unique


async def test_a_stream_is_read_in_order_after_a_version_and_up_to_a_limit(log: EventLog) -> None:
    stream = unique()
    await log.append(adding(stream, 0, 5))
    assert [logged.record for logged in await log.read_stream(stream, 1, 3)] == [b"record 2", b"record 3", b"record 4"]
    assert await log.read_stream(stream, 5) == []
    assert await log.read_stream(unique()) == []


async def test_the_log_is_read_in_pages_that_join_without_gap(log: EventLog) -> None:
    start = (await log.head()).position
    await asyncio.gather(*(log.append(adding(unique(), 0, 3)) for _ in range(4)))
    first = await log.read_log(start, 5)
    second = await log.read_log(first.scanned_to, 100)
    assert [logged.position for logged in (*first.records, *second.records)] == list(range(start + 1, start + 13))
    assert (first.scanned_to, second.scanned_to) == (start + 5, start + 12)
    assert (await log.read_log(start + 12, 10)).scanned_to == start + 12


async def test_a_filter_takes_streams_kinds_of_stream_and_types(log: EventLog) -> None:
    start = (await log.head()).position
    one, two, other = unique("kind.a"), unique("kind.a"), unique("kind.b")
    for stream in (one, two, other):
        await log.append(entry([], (*records(stream, 0, kind="t.First"), *records(stream, 1, kind="t.Second"))))

    async def wanted(*streams: str, types: tuple[str, ...] = ()) -> list[int]:
        page = await log.read_log(start, 10, LogFilter(streams, types))
        assert page.scanned_to == start + 6
        return [logged.position - start for logged in page.records]

    assert await wanted() == [1, 2, 3, 4, 5, 6]
    assert await wanted(one) == [1, 2]
    assert await wanted("kind.a") == [1, 2, 3, 4]
    assert await wanted("kind.b", two) == [3, 4, 5, 6]
    assert await wanted("kind.a", types=("t.Second",)) == [2, 4]
    assert await wanted(types=("t.First",)) == [1, 3, 5]
    assert await wanted("kind") == []


async def test_a_limited_filter_ends_where_reading_goes_on(log: EventLog) -> None:
    start, stream = (await log.head()).position, unique("kind.c")
    await log.append(adding(unique(), 0))
    await log.append(adding(stream, 0, 3))
    page = await log.read_log(start, 2, LogFilter((stream,)))
    assert (len(page.records), page.scanned_to) == (2, start + 3)
    rest = await log.read_log(page.scanned_to, 2, LogFilter((stream,)))
    assert [logged.record for logged in rest.records] == [b"record 3"]


async def test_a_waiting_reader_is_woken_by_the_next_record(log: EventLog) -> None:
    head = await log.head()
    waiting = asyncio.create_task(log.wait_beyond(head.position, 30))
    await asyncio.sleep(0)
    assert not waiting.done()
    await log.append(adding(unique(), 0))
    async with asyncio.timeout(5):
        await waiting
        await log.wait_beyond(head.position, 30)


async def test_a_reader_waits_no_longer_than_it_wants(log: EventLog) -> None:
    head = await log.head()
    async with asyncio.timeout(5):
        await log.wait_beyond(head.position, 0.01)
