"""Paging shows every entry exactly once, whatever is inserted, skipped and asked for on the way."""

import asyncio

import pytest
from cqrs.shop.v1.queries_pb2 import ListOrdersRequest
from cqrs.shop.v1.views_pb2 import OrderView
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from query_service.answer import Page
from query_service.answers import ANSWERS, CONTRACTS
from query_service.memory_read_store import MemoryReadStore
from query_service.paging import slice_of, token_of
from query_service.server import query_services
from runtime.call import Call
from runtime.refusals import Refused
from runtime.time_score import time_score
from tests.query.writers import at

RPC = "cqrs.shop.v1.OrderQueryService.ListOrders"
PAGE = Page("shop.orders", OrderView, "orders")


def insert(store: MemoryReadStore, *positions: int) -> None:
    views = {f"order:{n}": OrderView(order_id=str(n)).SerializeToString() for n in positions}
    store.apply("shop.orders", at(max(positions)), views, {"orders": {f"order:{n}": n for n in positions}})


async def listed(store: MemoryReadStore, request: ListOrdersRequest) -> tuple[list[int], str, int]:
    services = {service.full_name: handlers for service, handlers in query_services(CONTRACTS, ANSWERS, store)}
    handler = services["cqrs.shop.v1.OrderQueryService"]["ListOrders"]
    response = await handler(request, Call(RPC, "", 0, ""))  # type: ignore[misc]
    return [int(order.order_id) for order in response.orders], response.next_page_token, response.total_size


# promise 003-8, 003-9
@given(
    there=st.sets(st.integers(1, 500), min_size=1, max_size=60),
    steps=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=8),
)
def test_every_entry_is_shown_once_in_order_while_new_ones_come(there: set[int], steps: list[tuple[int, int]]) -> None:
    async def walk() -> None:
        store = MemoryReadStore()
        insert(store, *there)
        shown: list[int] = []
        token, newest, turn = "", max(there), 0
        while True:
            size, inserted = steps[turn % len(steps)]
            page, token, total = await listed(store, ListOrdersRequest(page_size=size, page_token=token))
            shown += page
            assert len(page) == size or not token
            assert total == len(there) + newest - max(there)
            if not token:
                break
            if turn < 20 and inserted:
                insert(store, *range(newest + 1, newest + 1 + inserted))
                newest += inserted
            turn += 1
        assert shown == sorted(there, reverse=True)

    asyncio.run(walk())


@given(there=st.sets(st.integers(1, 500), min_size=1, max_size=40), skip=st.integers(0, 50), first=st.integers(1, 10))
def test_skip_passes_over_so_many_entries_from_the_place_of_the_token(there: set[int], skip: int, first: int) -> None:
    async def walk() -> None:
        store = MemoryReadStore()
        insert(store, *there)
        ordered = sorted(there, reverse=True)
        _, token, _ = await listed(store, ListOrdersRequest(page_size=first))
        begin = first if token else 0
        page, _, _ = await listed(store, ListOrdersRequest(page_size=7, page_token=token, skip=skip))
        assert page == ordered[begin + skip :][:7]

    asyncio.run(walk())


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_token_leads_back_to_its_place_and_no_other_list_takes_it(place: int) -> None:
    token = token_of(RPC, PAGE, place)
    assert slice_of(RPC, PAGE, ListOrdersRequest(page_token=token)).before == place
    other = Page("shop.orders", OrderView, "customer:7")
    with pytest.raises(Refused, match="not one that this list gave"):
        slice_of(RPC, other, ListOrdersRequest(page_token=token))


@given(low=st.none() | st.integers(0, 9), high=st.none() | st.integers(0, 9))
def test_a_token_holds_for_the_bounds_that_it_was_given_with(low: int | None, high: int | None) -> None:
    bounded = Page("shop.orders", OrderView, "orders", low, high)
    request = ListOrdersRequest(page_token=token_of(RPC, bounded, 5))
    part = slice_of(RPC, bounded, request)
    assert (part.before, part.low, part.high) == (5, low, high)
    for other in (
        PAGE,
        Page("shop.orders", OrderView, "orders", high, low),
        Page("shop.orders", OrderView, "orders", 10),
    ):
        if other != bounded:
            with pytest.raises(Refused, match="not one that this list gave"):
                slice_of(RPC, other, request)


@given(
    moments=st.lists(st.tuples(st.integers(0, 2_100_000_000), st.integers(0, 999_999_999)), min_size=2, max_size=2),
    positions=st.lists(st.integers(1, 2**40), min_size=2, max_size=2),
)
def test_a_score_by_time_orders_by_milliseconds_and_is_exact_as_a_double(
    moments: list[tuple[int, int]], positions: list[int]
) -> None:
    times = [Timestamp(seconds=seconds, nanos=nanos) for seconds, nanos in moments]
    scores = [time_score(time, position) for time, position in zip(times, positions, strict=True)]
    assert [int(float(score)) for score in scores] == scores
    millis = [time.ToMilliseconds() for time in times]
    if millis[0] != millis[1]:
        assert (millis[0] < millis[1]) == (scores[0] < scores[1])
    assert time_score(times[0], 0) <= scores[0] < time_score(times[0], 0) + 4096


@given(st.text(max_size=40))
def test_no_text_but_a_token_is_taken_for_one(text: str) -> None:
    if text:
        with pytest.raises(Refused) as refused:
            slice_of(RPC, PAGE, ListOrdersRequest(page_token=text))
        assert refused.value.reason == "PAGE_TOKEN_INVALID"
