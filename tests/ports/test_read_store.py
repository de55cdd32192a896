"""The store of views: the same promises in memory and on Valkey."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cqrs.shop.v1.views_pb2 import OrderView
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis

from ops.embedded import EmbeddedValkey
from query_service.answer import One
from query_service.connection import Broken, connect
from query_service.memory_read_store import MemoryReadStore
from query_service.read_store import ReadStore, ReadStoreUnavailable, Slice
from query_service.redis_read_store import RedisReadStore, open_redis_read_store
from query_service.standing import Standing
from runtime.time_score import time_score
from tests.query.writers import EPOCH, OTHER_EPOCH, MemoryWriter, RedisWriter, Writer, at, until

ORDERS = "shop.orders"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
async def client(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def redis_store(valkey: EmbeddedValkey, client: Redis) -> AsyncIterator[RedisReadStore]:
    async with open_redis_read_store(valkey.url_for("query")) as store:
        yield store


Both = tuple[ReadStore, Writer]


@pytest.fixture(params=["memory", "valkey"])
def both(request: pytest.FixtureRequest) -> Both:
    if request.param == "memory":
        memory = MemoryReadStore()
        return memory, MemoryWriter(memory)
    return request.getfixturevalue("redis_store"), RedisWriter(request.getfixturevalue("client"))


def order(key: str) -> One:
    return One(ORDERS, OrderView, f"order:{key}")


def page(index: str = "orders", before: int | None = None, skip: int = 0, size: int = 2, **bounds: int | None) -> Slice:
    return Slice(ORDERS, index, before, skip, size, **bounds)


async def test_a_store_that_nothing_was_projected_to_stands_at_position_0(both: Both) -> None:
    store, _ = both
    found = await store.view(order("1"))
    assert (found.view, found.standing) == (None, Standing())
    listed = await store.page(page())
    assert (listed.views, listed.next, listed.total) == ((), None, 0)


# promise 000-6, 001-6, 001-8
async def test_a_view_comes_back_byte_for_byte_with_the_checkpoint_that_it_belongs_to(both: Both) -> None:
    store, writer = both
    standing = at(7, head=9, oldest_time=1_700_000_000.25, state="STOPPED", error="position 8 does not decode")
    await writer.apply(ORDERS, standing, {"order:1": b"\x00\xff one"})
    found = await store.view(order("1"))
    assert (found.view, found.standing) == (b"\x00\xff one", standing)
    assert await store.standing(ORDERS) == standing
    assert (await store.view(order("2"))).view is None


async def test_projections_do_not_share_views_or_checkpoints(both: Both) -> None:
    store, writer = both
    await writer.apply(ORDERS, at(7), {"order:1": b"one"})
    found = await store.view(One("shop.carts", OrderView, "order:1"))
    assert found.view is None
    assert found.standing.position == 0


# promise 002-25, 003-9
async def test_a_page_holds_the_highest_scores_first_and_says_where_the_next_begins(both: Both) -> None:
    store, writer = both
    views = {f"order:{n}": f"view {n}".encode() for n in (3, 5, 8, 900_000_000_000_001)}
    await writer.apply(ORDERS, at(8), views, {"orders": {key: int(key[6:]) for key in views}})
    first = await store.page(page(size=3))
    assert first.views == (b"view 900000000000001", b"view 8", b"view 5")
    assert (first.next, first.total) == (5, 4)
    second = await store.page(page(before=first.next, size=3))
    assert (second.views, second.next, second.total) == ((b"view 3",), None, 4)


async def test_a_page_that_ends_where_the_index_ends_has_no_next(both: Both) -> None:
    store, writer = both
    await writer.apply(ORDERS, at(8), {"a": b"a", "b": b"b"}, {"orders": {"a": 1, "b": 2}})
    assert (await store.page(page(size=2))).next is None
    assert (await store.page(page(size=1))).next == 2


async def test_skip_passes_over_entries_from_where_the_page_begins(both: Both) -> None:
    store, writer = both
    views = {str(n): str(n).encode() for n in range(1, 7)}
    await writer.apply(ORDERS, at(8), views, {"orders": {key: int(key) for key in views}})
    assert (await store.page(page(skip=1))).views == (b"5", b"4")
    assert (await store.page(page(before=5, skip=2))).views == (b"2", b"1")
    assert (await store.page(page(skip=2_000_000_000))).views == ()


@pytest.mark.parametrize(
    ("low", "high", "inside"),
    [(3, 6, "543"), (3, None, "6543"), (None, 3, "21"), (6, 3, ""), (9, 12, ""), (-9, 0, ""), (4, 4, "")],
)
async def test_bounds_cut_a_range_out_of_an_index_and_total_counts_it(
    both: Both, low: int | None, high: int | None, inside: str
) -> None:
    store, writer = both
    views = {str(n): str(n).encode() for n in range(1, 7)}
    await writer.apply(ORDERS, at(8), views, {"orders": {key: int(key) for key in views}})
    shown, before = "", None
    while True:
        found = await store.page(page(before=before, size=2, low=low, high=high))
        assert found.total == len(inside)
        shown += b"".join(found.views).decode()
        if found.next is None:
            break
        before = found.next
    assert shown == inside
    skipped = await store.page(page(skip=1, size=9, low=low, high=high))
    assert b"".join(skipped.views).decode() == inside[1:]
    assert skipped.next is None


async def test_scores_by_time_come_back_exactly(both: Both) -> None:
    """Also round ones, which the store writes with an exponent."""
    store, writer = both
    moment = Timestamp(seconds=1_800_000_000)
    scores = [time_score(moment, n) for n in (0, 1, 4095)] + [7 * 10**15, 2**53 - 1]
    views = {f"order:{score}": str(score).encode() for score in scores}
    await writer.apply(ORDERS, at(8), views, {"orders": {key: int(key[6:]) for key in views}})
    ordered, before = sorted(scores, reverse=True), None
    for expected in ordered:
        found = await store.page(page(before=before, size=1))
        assert found.views == (str(expected).encode(),)
        before = found.next
    bounded = await store.page(page(low=scores[1], high=scores[2], size=9))
    assert bounded.views == (str(scores[1]).encode(),)


async def test_two_hundred_questions_at_once_each_get_their_own_answer(both: Both) -> None:
    store, writer = both
    views = {f"order:{n}": f"view {n}".encode() for n in range(100)}
    indexes = {f"customer:{n}": {f"order:{n}": n + 1} for n in range(100)}
    await writer.apply(ORDERS, at(100), views, indexes)
    found = await asyncio.gather(*(store.view(order(str(n))) for n in range(100)))
    listed = await asyncio.gather(*(store.page(page(f"customer:{n}")) for n in range(100)))
    assert [answer.view for answer in found] == [f"view {n}".encode() for n in range(100)]
    assert [answer.views for answer in listed] == [(f"view {n}".encode(),) for n in range(100)]


async def test_a_caller_that_leaves_takes_nobody_s_answer_with_it(both: Both) -> None:
    store, writer = both
    await writer.apply(ORDERS, at(1), {"order:1": b"one"})
    leaving = asyncio.ensure_future(store.view(order("1")))
    staying = asyncio.ensure_future(store.view(order("1")))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).view == b"one"


# promise 001-55
async def test_a_watch_is_woken_by_the_position_that_it_waits_for_and_by_no_earlier_one(both: Both) -> None:
    store, writer = both
    if isinstance(store, RedisReadStore):
        await store.listening.wait()
    waiting = asyncio.ensure_future(store.watch(ORDERS).reached(EPOCH, 5, 30))
    await writer.apply(ORDERS, at(4))
    await asyncio.wait((waiting,), timeout=0.05)
    assert not waiting.done()
    await writer.apply(ORDERS, at(6))
    await asyncio.wait_for(waiting, 5)


async def test_a_watch_hears_what_is_applied_before_it_begins_to_wait(both: Both) -> None:
    store, writer = both
    if isinstance(store, RedisReadStore):
        await store.listening.wait()
    watch, earlier = store.watch(ORDERS), store.watch(ORDERS)
    await writer.apply(ORDERS, at(6))
    await asyncio.wait_for(earlier.reached(EPOCH, 6, 30), 5)
    await asyncio.wait_for(watch.reached(EPOCH, 6, 0.001), 5)


async def test_a_watch_is_woken_by_another_epoch_and_ends_by_itself(both: Both) -> None:
    store, writer = both
    if isinstance(store, RedisReadStore):
        await store.listening.wait()
    waiting = asyncio.ensure_future(store.watch(ORDERS).reached(EPOCH, 500, 30))
    await asyncio.sleep(0)
    await writer.apply(ORDERS, at(1, epoch=OTHER_EPOCH))
    await asyncio.wait_for(waiting, 5)
    await asyncio.wait_for(store.watch(ORDERS).reached(EPOCH, 500, 0.01), 5)


async def test_a_store_that_is_away_is_an_error_of_its_own() -> None:
    memory = MemoryReadStore()
    memory.available = False
    with pytest.raises(ReadStoreUnavailable):
        await memory.view(order("1"))
    async with open_redis_read_store("redis://127.0.0.1:1/0") as store:
        with pytest.raises(ReadStoreUnavailable, match="does not answer"):
            await store.view(order("1"))


async def test_the_live_generation_is_what_the_pointer_names(client: Redis, redis_store: RedisReadStore) -> None:
    await RedisWriter(client, "1").apply(ORDERS, at(9), {"order:1": b"old"})
    await RedisWriter(client, "2").apply(ORDERS, at(8), {"order:1": b"new"})
    assert (await redis_store.view(order("1"))).view == b"old"
    await client.set(f"cp:{ORDERS}", "2")
    found = await redis_store.view(order("1"))
    assert (found.view, found.standing.position) == (b"new", 8)


# promise 000-6, 001-6
async def test_questions_of_one_tick_share_one_script_call(client: Redis, redis_store: RedisReadStore) -> None:
    await redis_store.view(order("1"))

    async def calls() -> int:
        return int((await client.info("commandstats"))["cmdstat_evalsha_ro"]["calls"])

    before = await calls()
    await asyncio.gather(*(redis_store.view(order(str(n))) for n in range(50)), redis_store.page(page()))
    assert await calls() == before + 1
    await redis_store.view(order("1"))
    assert await calls() == before + 2


async def test_a_store_that_was_killed_is_away_for_a_bounded_time_and_then_answers_again(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path).start()
    try:
        async with open_redis_read_store(server.url_for("query")) as store:
            await store.listening.wait()
            await store.view(order("1"))
            server.kill()
            with pytest.raises(ReadStoreUnavailable):
                await asyncio.wait_for(store.view(order("1")), 2)
            waiting = asyncio.ensure_future(store.watch(ORDERS).reached(EPOCH, 5, 30))
            await until(lambda: not store.listening.is_set())
            server.start()
            assert (await store.view(order("1"))).standing == Standing()
            await asyncio.wait_for(waiting, 5)
    finally:
        server.kill()


async def test_a_connection_that_was_given_up_takes_no_call_with_it(valkey: EmbeddedValkey) -> None:
    connection = await connect(valkey.url_for("query"))
    connection.abort()
    assert connection.closed.done()
    with pytest.raises(Broken):
        await connection.call("PING")


async def test_a_store_that_hangs_is_away_for_a_bounded_time(tmp_path: Path) -> None:
    import os
    import signal

    with EmbeddedValkey(tmp_path) as server:
        async with open_redis_read_store(server.url_for("query")) as store:
            await store.view(order("1"))
            os.kill(server.pid, signal.SIGSTOP)
            try:
                asked = [store.view(order(str(n))) for n in range(20)]
                answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 2)
            finally:
                os.kill(server.pid, signal.SIGCONT)
            assert all(isinstance(answer, ReadStoreUnavailable) for answer in answers)
            assert (await store.view(order("1"))).view is None
