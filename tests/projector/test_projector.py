"""The projector over real servers: whatever is delivered, lost or killed, the views are the fold of the log."""

# promise 001-9, 002-12, 004-7

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from cqrs.shop.v1.events_pb2 import CartCleared, ItemAddedToCart
from cqrs.shop.v1.views_pb2 import CartView
from google.protobuf.message import Message
from structlog.testing import capture_logs

from projector.projection import Fact
from projector.projections import DuplicateProjection, checked
from projector.runner import CATCHING_UP, RUNNING, STOPPED
from tests.projector.world import World, add, counting, fill, quantities
from tests.relay.history import eventually, jetstream, stored


async def test_the_views_follow_the_log_without_polling(place: World) -> None:
    # promise 001-9, 001-55, 002-15
    await place.relay()
    working = await place.project()
    for position in range(1, 30):
        await fill(place.log, 1)
        await eventually(working.at(position), 5)
    assert await place.carts() == await quantities(place.log)


async def test_a_long_log_is_caught_up_in_batches(place: World) -> None:
    await fill(place.log, 3000)
    await place.relay()
    working = await place.project()
    await eventually(working.at(3000))
    assert await place.carts() == await quantities(place.log)


async def test_projections_that_a_burst_does_not_concern_are_at_its_end_too(place: World) -> None:
    """They may stay behind while more records wait, and no longer; the batches are small, so that some do wait."""
    await place.relay()
    working = await place.project(projector_batch_records=7)
    for position in (500, 1000, 1500):
        await fill(place.log, 500)
        await eventually(working.at(position), 10)
    for name in ("shop.carts", "shop.orders"):
        assert await place.admin.hget(f"cp:{name}:1", "position") == b"1500"


async def test_every_projection_has_a_checkpoint_of_its_own_with_the_views_version_of_each_stream(place: World) -> None:
    # promise 003-11, 003-15
    await fill(place.log, 3, users=1)
    await place.relay()
    working = await place.project()
    await eventually(working.at(3))
    for name in ("shop.carts", "shop.orders"):
        assert await place.admin.hget(f"cp:{name}:1", "position") == b"3"
    view = CartView.FromString(await place.admin.get("v:shop.carts:1:cart:user0"))
    assert view.version == 3
    assert await place.admin.get("v:shop.carts:1:cart:nobody") is None


async def test_a_projector_that_starts_again_goes_on_where_it_was(place: World) -> None:
    await place.relay()
    for position in (50, 100):
        await fill(place.log, 50)
        working = await place.project()
        await eventually(working.at(position))
        await working.stop()
    assert await place.carts() == await quantities(place.log)


async def test_two_projectors_at_once_change_nothing(place: World) -> None:
    # promise 001-53
    await place.relay()
    one, other = await place.project(), await place.project()
    for _ in range(20):
        await fill(place.log, 40)
        await asyncio.sleep(0)
    await eventually(one.at(800))
    await eventually(other.at(800))
    assert await place.carts() == await quantities(place.log)


async def test_one_projection_that_fails_stops_alone_says_where_and_goes_on_after_a_fix(place: World) -> None:
    # promise 002-14, 003-12
    def refuse_ten(fact: Fact) -> None:
        if fact.position == 10:
            raise ValueError("ten is too much")

    place.projections = (counting("test.good"), counting("test.bad", refuse_ten))
    await fill(place.log, 5)
    await place.relay()
    working = await place.project()
    await eventually(working.at(5))
    await fill(place.log, 25)
    await eventually(working.at(30, "test.good"))
    stopped = working.runner("test.bad")
    await eventually(lambda: stopped.stopped)
    assert (stopped.state.state, stopped.position) == (STOPPED, 9)
    assert stopped.state.error == "ValueError: ten is too much"
    assert (stopped.state.position, stopped.state.type) == (10, "cqrs.shop.v1.ItemAddedToCart")
    await eventually(lambda: stopped.state.oldest_time > 0)
    await asyncio.sleep(0.1)
    stored = await place.admin.hgetall("cp:test.bad:state")
    assert (stored[b"state"], stored[b"position"]) == (b"STOPPED", b"10")
    (_, shown) = working.projector.shown()["projections"]
    assert (shown["state"], shown["error_position"], shown["lag_seconds"] > 0) == ("STOPPED", 10, True)
    await working.stop()
    place.projections = (counting("test.good"), counting("test.bad"))
    await eventually((await place.project()).at(30))


@pytest.mark.parametrize("stopped_first", [True, False])
async def test_what_does_not_decode_stops_who_handles_it(place: World, stopped_first: bool) -> None:
    place.projections = (counting("test.adds"),)
    await fill(place.log, 0 if stopped_first else 4)
    await add(place.log, ItemAddedToCart(), "shop.cart-bad", data=b"\xff\xff")
    await place.relay()
    working = await place.project()
    await eventually(lambda: working.runner("test.adds").stopped)
    state = working.runner("test.adds").state
    assert state.position == (1 if stopped_first else 5)
    assert state.error.startswith("DecodeError")
    assert working.runner("test.adds").position == state.position - 1


async def test_a_type_that_nobody_knows_is_passed_with_a_warning(place: World) -> None:
    await fill(place.log, 2)
    await add(place.log, ItemAddedToCart(), "shop.future-1", kind="cqrs.shop.v9.FromTheFuture")
    await fill(place.log, 2)
    with capture_logs() as lines:
        await place.relay()
        await eventually((await place.project()).at(5))
    (warning,) = [each for each in lines if "unknown type" in each["event"]]
    assert (warning["log_level"], warning["type"]) == ("warning", "cqrs.shop.v9.FromTheFuture")


async def test_an_emptied_store_is_filled_again_with_the_same_views(place: World) -> None:
    # promise 001-53
    await fill(place.log, 500)
    await place.relay()
    working = await place.project()
    await eventually(working.at(500))
    before = await place.everything()
    states: set[str] = set()
    await place.admin.flushall()
    await eventually(lambda: states.add(working.runner("shop.carts").state.state) or CATCHING_UP in states)
    await eventually(lambda: all(each.state.state == RUNNING for each in working.projector.runners))
    assert working.at(500)()
    assert await place.everything() == before


async def test_a_store_that_came_back_older_is_brought_up_again(place: World) -> None:
    await fill(place.log, 20)
    await place.relay()
    working = await place.project()
    await eventually(working.at(20))
    backup = await place.everything()
    await fill(place.log, 30)
    await eventually(working.at(50))
    pipeline = place.admin.pipeline().flushall()
    for key, content in backup.items():
        pipeline.restore(key, 0, content)
    await pipeline.execute()
    await fill(place.log, 1)
    await eventually(working.at(51))
    assert await place.carts() == await quantities(place.log)


async def test_a_killed_store_stops_nothing_for_good_and_loses_nothing(place: World) -> None:
    # promise 004-13, 004-14
    await place.relay()
    working = await place.project()
    await fill(place.log, 100)
    await eventually(working.at(100))
    await asyncio.to_thread(place.valkey.kill)
    await fill(place.log, 200)
    await eventually(lambda: "the store of the views" in working.projector.reason)
    await asyncio.to_thread(place.valkey.start)
    await place.admin.connection_pool.disconnect()
    await eventually(working.at(300))
    assert await place.carts() == await quantities(place.log)


async def test_a_killed_broker_and_a_deleted_stream_lose_nothing(place: World) -> None:
    await place.relay()
    working = await place.project()
    await fill(place.log, 100)
    await eventually(working.at(100))
    await asyncio.to_thread(place.nats.kill)
    await fill(place.log, 10)
    await asyncio.to_thread(place.nats.start)
    await eventually(working.at(110))
    async with jetstream(place.nats.url) as stream:
        await stream.delete_stream("LOG")
    await fill(place.log, 10)
    await eventually(working.at(120))
    assert await place.carts() == await quantities(place.log)


async def test_a_gap_in_the_stream_is_read_from_the_log(place: World) -> None:
    await fill(place.log, 40)
    await place.relay()
    async with jetstream(place.nats.url) as stream:
        await eventually(lambda: stored(stream, 40))
        config = (await stream.stream_info("LOG")).config
        config.max_msgs_per_subject = 5
        await stream.update_stream(config)
        assert (await stream.stream_info("LOG")).state.messages == 5
    await eventually((await place.project()).at(40))
    assert await place.carts() == await quantities(place.log)


async def test_a_strangers_message_is_not_believed(place: World) -> None:
    await fill(place.log, 5)
    await place.relay()
    working = await place.project()
    await eventually(working.at(5))
    async with jetstream(place.nats.url) as stream:
        forged = {"Obverse-Epoch": (await place.log.head()).epoch, "Obverse-Position": "6", "Obverse-Chain": "00" * 32}
        await fill(place.log, 0)
        await stream.publish("log.shop.cart.CartCleared", b"forged", headers=forged)
        await eventually(lambda: working.runner("shop.carts").stopped)
    assert "the stream has a record 6, but the log ends at 5" in working.runner("shop.carts").state.error
    assert await place.carts() == await quantities(place.log)


async def test_views_of_another_history_are_left_alone_until_they_are_removed(place: World) -> None:
    place.projections = (counting("test.counts"),)
    await fill(place.log, 5)
    await place.relay()
    working = await place.project()
    await eventually(working.at(5))
    await working.stop()
    await place.admin.hset("cp:test.counts:1", "chain", "11" * 32)
    working = await place.project()
    await fill(place.log, 5)
    await eventually(lambda: working.runner("test.counts").stopped)
    assert working.runner("test.counts").position == 5
    await place.admin.flushall()
    await eventually(working.at(10))


async def test_a_key_of_another_type_stops_its_projection_with_nothing_half_written(place: World) -> None:
    place.projections = (counting("test.good"), counting("test.planted"))
    await place.admin.rpush("v:test.planted:1:count:user3", "planted")
    await fill(place.log, 20)
    await place.relay()
    working = await place.project()
    await eventually(working.at(20, "test.good"))
    await eventually(lambda: working.runner("test.planted").stopped)
    assert "v:test.planted:1:count:user3 holds something else" in working.runner("test.planted").state.error
    assert await place.admin.keys("v:test.planted:*") == [b"v:test.planted:1:count:user3"]


async def test_lag_is_the_age_of_the_oldest_record_not_projected_also_when_nothing_moves(place: World) -> None:
    # promise 002-15
    working = await place.project()
    await fill(place.log, 3)
    carts, *_ = working.projector.runners
    await eventually(lambda: (working.projector.beat.lag(carts) or 0) > 0.3)
    assert float(await place.admin.hget("cp:head", "position") or 0) == 3
    await place.relay()
    await eventually(working.at(3))
    await eventually(lambda: working.projector.beat.lag(carts) == 0.0)


async def test_every_update_of_a_view_is_logged(place: World) -> None:
    # promise 004-10, 002-13
    await place.relay()
    with capture_logs() as lines:
        working = await place.project()
        await fill(place.log, 1)
        await add(place.log, CartCleared(user_id="user0"), "shop.cart-user0")
        await eventually(working.at(2))
    updates = [each["event"] for each in lines if each["event"].startswith("Read model updated")]
    assert updates == [
        "Read model updated for cart user0 due to ItemAddedToCart",
        "Read model updated for cart user0 due to CartCleared",
    ]


async def test_an_event_of_an_older_version_still_replays(place: World) -> None:
    # promise 003-20
    def upcast(data: bytes) -> Message:
        """A version in which the quantity was never written: it was always one."""
        event = ItemAddedToCart.FromString(data)
        event.quantity = 1
        return event

    upcasters: dict[Any, Callable[[bytes], Message]] = {(ItemAddedToCart.DESCRIPTOR.full_name, 1): upcast}
    await fill(place.log, 8, users=1)
    await place.relay()
    await eventually((await place.project(upcasters)).at(8))
    assert await place.carts() == {"user0": 8}


def test_two_projections_of_one_name_are_refused_naming_both() -> None:
    with pytest.raises(DuplicateProjection, match=r"'test.one' is listed twice, with .*apply and with .*apply"):
        checked((counting("test.one"), counting("test.two"), counting("test.one")))
