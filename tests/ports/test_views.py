"""One suite for both stores of views: in memory, and Valkey with the script and the projector's own rights."""

import dataclasses
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ops.embedded import EmbeddedValkey
from projector.redis_views import open_views
from projector.views import Checkpoint, MemoryViews, Place, SeenHead, State, Step, Views, ViewsAway

EPOCH = "0b9fb6c3-6ac6-4b58-a1de-fa1dfa1ad7d6"
FIRST = Checkpoint(EPOCH, 1, b"\x01" * 32, 1.5)
SECOND = Checkpoint(EPOCH, 2, b"\x02" * 32, 2.5)
ORDERS, CARTS = "shop.orders", "shop.carts"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
async def admin(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey.url) as client:
        await client.flushall()
        yield client


@pytest.fixture(params=["memory", "valkey"])
async def views(request: pytest.FixtureRequest) -> AsyncIterator[Views]:
    if request.param == "memory":
        yield MemoryViews()
        return
    server: EmbeddedValkey = request.getfixturevalue("valkey")
    async with Redis.from_url(server.url) as client:
        await client.flushall()
    async with open_views(server.url_for("projector"), 5.0) as store:
        yield store


async def test_nothing_is_there_at_first(views: Views) -> None:
    assert await views.places([ORDERS, CARTS]) == [Place(), Place()]
    assert await views.read([(ORDERS, "1", "order:1")]) == [None]


async def test_a_step_is_applied_with_its_checkpoint(views: Views) -> None:
    step = Step(ORDERS, "1", None, FIRST, {"order:1": b"one", "order:2": b"two"}, {"all": {"order:1": 1, "order:2": 2}})
    (outcome,) = await views.apply([step])
    assert (outcome.applied, outcome.checkpoint) == (True, FIRST)
    assert await views.read([(ORDERS, "1", key) for key in ("order:2", "order:1", "order:3")]) == [b"two", b"one", None]
    assert (await views.places([ORDERS]))[0].checkpoint == FIRST


async def test_views_are_replaced_and_removed(views: Views) -> None:
    await views.apply([Step(ORDERS, "1", None, FIRST, {"order:1": b"one", "order:2": b"two"})])
    await views.apply([Step(ORDERS, "1", FIRST, SECOND, {"order:1": b"new", "order:2": None})])
    assert await views.read([(ORDERS, "1", "order:1"), (ORDERS, "1", "order:2")]) == [b"new", None]


async def test_a_step_from_another_place_changes_nothing_and_says_where_the_projection_is(views: Views) -> None:
    # promise 001-53
    await views.apply([Step(ORDERS, "1", None, FIRST, {"order:1": b"one"})])
    forked = dataclasses.replace(FIRST, chain=b"\x09" * 32)
    other_epoch = dataclasses.replace(FIRST, epoch="9" + EPOCH[1:])
    for before in (None, SECOND, forked, other_epoch):
        after = Checkpoint(EPOCH, 3, b"\x03" * 32, 3)
        (outcome,) = await views.apply([Step(ORDERS, "1", before, after, {"order:1": b"wrong"}, {"all": {"x": 1}})])
        assert (outcome.applied, outcome.checkpoint) == (False, FIRST)
    assert await views.read([(ORDERS, "1", "order:1")]) == [b"one"]


async def test_the_same_step_again_changes_nothing_and_says_where_the_store_stands(views: Views) -> None:
    # promise 001-53
    step = Step(ORDERS, "1", None, FIRST, {"order:1": b"one"}, {"all": {"order:1": 1}})
    await views.apply([step])
    (outcome,) = await views.apply([step])
    assert (outcome.applied, outcome.checkpoint) == (False, FIRST)


async def test_several_projections_go_together_and_each_by_itself(views: Views) -> None:
    # promise 003-11
    await views.apply([Step(ORDERS, "1", None, FIRST)])
    carts = Step(CARTS, "1", None, SECOND, {"cart:7": b"seven"})
    late, taken = await views.apply([Step(ORDERS, "1", None, SECOND, {"order:1": b"late"}), carts])
    assert (late.applied, late.checkpoint, taken.applied) == (False, FIRST, True)
    places = await views.places([ORDERS, CARTS])
    assert [each.checkpoint for each in places] == [FIRST, SECOND]
    assert await views.read([(ORDERS, "1", "order:1"), (CARTS, "1", "cart:7")]) == [None, b"seven"]


async def test_generations_lie_side_by_side(views: Views) -> None:
    await views.apply([Step(ORDERS, "1", None, FIRST, {"order:1": b"one"})])
    await views.apply([Step(ORDERS, "2", None, SECOND, {"order:1": b"other"})])
    assert await views.read([(ORDERS, "1", "order:1"), (ORDERS, "2", "order:1")]) == [b"one", b"other"]
    assert (await views.places([ORDERS]))[0] == Place("1", FIRST)


async def test_states_are_kept(views: Views) -> None:
    stopped = State("STOPPED", "ValueError: no", 7, "cqrs.shop.v1.OrderCreated", 12.25)
    await views.report(SeenHead(EPOCH, 9, 13.5), {ORDERS: stopped})
    await views.report(None, {CARTS: State("RUNNING")})
    assert [each.state for each in await views.places([ORDERS, CARTS])] == [stopped, State("RUNNING")]


async def test_a_step_of_thousands_is_one_step(views: Views) -> None:
    many = {f"order:{number}": b"%d" % number for number in range(9000)}
    index = {key: position for position, key in enumerate(many, 1)}
    await views.apply([Step(ORDERS, "1", None, FIRST, many, {"all": index}, tuple(many))])
    gone = dict.fromkeys(many)
    (outcome,) = await views.apply([Step(ORDERS, "1", FIRST, SECOND, gone, {"all": gone}, ())])
    assert outcome.applied
    assert await views.read([(ORDERS, "1", key) for key in many]) == [None] * 9000


async def test_an_index_lists_keys_by_score(admin: Redis, valkey: EmbeddedValkey) -> None:
    async with open_views(valkey.url_for("projector"), 5.0) as store:
        await store.apply([Step(ORDERS, "1", None, FIRST, {}, {"all": {"order:1": 1, "order:2": 2, "order:3": 3}})])
        await store.apply([Step(ORDERS, "1", FIRST, SECOND, {}, {"all": {"order:1": 9, "order:2": None}})])
    found = await admin.zrange(f"i:{ORDERS}:1:all", 0, -1, withscores=True)
    assert found == [(b"order:3", 3.0), (b"order:1", 9.0)]


async def test_what_was_applied_is_announced(admin: Redis, valkey: EmbeddedValkey) -> None:
    async with admin.pubsub() as heard, open_views(valkey.url_for("projector"), 5.0) as store:
        await heard.subscribe(f"applied:{ORDERS}")
        await heard.get_message(timeout=5)
        await store.apply([Step(ORDERS, "1", None, FIRST)])
        message = await heard.get_message(timeout=5)
    assert message is not None
    assert message["data"] == f"{EPOCH} 1".encode()


@pytest.mark.parametrize("key", ["v:shop.orders:1:order:1", "i:shop.orders:1:all", "cp:shop.orders:1"])
async def test_a_key_of_another_type_is_named_before_anything_is_written(
    admin: Redis, valkey: EmbeddedValkey, key: str
) -> None:
    await admin.rpush(key, "planted")
    async with open_views(valkey.url_for("projector"), 5.0) as store:
        views = {"order:1": b"one", "order:2": b"two"}
        step = Step(ORDERS, "1", None, FIRST, views, {"all": {"order:1": 1}, "open": {"order:1": 1}}, tuple(views))
        (outcome,) = await store.apply([step])
    assert (outcome.applied, outcome.misshapen) == (False, key)
    assert await admin.keys("*") == [key.encode()]


async def test_a_store_that_forgot_the_script_is_taught_it_again(admin: Redis, valkey: EmbeddedValkey) -> None:
    async with open_views(valkey.url_for("projector"), 5.0) as store:
        await store.apply([Step(ORDERS, "1", None, FIRST)])
        await admin.script_flush()
        (outcome,) = await store.apply([Step(ORDERS, "1", FIRST, SECOND)])
    assert outcome.applied


async def test_a_store_without_memory_takes_nothing_and_is_away(admin: Redis, valkey: EmbeddedValkey) -> None:
    async with open_views(valkey.url_for("projector"), 5.0) as store:
        await store.apply([Step(ORDERS, "1", None, FIRST)])
        await admin.config_set("maxmemory", "1mb")
        try:
            with pytest.raises(ViewsAway, match="maxmemory"):
                await store.apply([Step(ORDERS, "1", FIRST, SECOND, {"order:1": b"x" * 100_000})])
        finally:
            await admin.config_set("maxmemory", "0")
        assert (await store.places([ORDERS]))[0].checkpoint == FIRST


async def test_a_store_that_is_not_there_is_away(tmp_path: Path) -> None:
    async with open_views("redis://127.0.0.1:1/0", 0.5) as store:
        with pytest.raises(ViewsAway):
            await store.places([ORDERS])
