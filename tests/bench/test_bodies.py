"""What the load sends is what the contract takes."""

from itertools import islice

import protovalidate
from cqrs.admin.v1.queries_pb2 import WatchCommandRequest
from cqrs.bank.v1.commands_pb2 import OpenAccountRequest, TransferMoneyRequest
from cqrs.common.v1.common_pb2 import CommandReceipt, ConsistencyToken
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest, CreateOrderRequest, CreateOrderResponse
from cqrs.shop.v1.events_pb2 import OrderCreated
from cqrs.shop.v1.queries_pb2 import GetOrderRequest

from bench import bank_bodies, bodies
from bench.entries import order_entries

_EPOCH = "0190b0a2-0000-7000-8000-000000000000"


def _answer(position: int, order: str) -> bytes:
    token = ConsistencyToken(epoch=_EPOCH, position=position)
    return CreateOrderResponse(receipt=CommandReceipt(aggregate_id=order, token=token)).SerializeToString()


def test_orders_are_valid_and_of_different_customers() -> None:
    requests = [CreateOrderRequest.FromString(body) for body in islice(bodies.orders(), 50)]
    for request in requests:
        protovalidate.validate(request)
    assert len({request.customer_id for request in requests}) == 50
    assert {request.order_id for request in requests} == {""}


def test_the_hot_cart_gets_valid_items_of_one_user() -> None:
    requests = [AddItemToCartRequest.FromString(body) for body in islice(bodies.hot_cart("hot"), 3)]
    protovalidate.validate(requests[0])
    assert [request.user_id for request in requests] == ["hot"] * 3


def test_queries_ask_for_the_orders_that_were_numbered() -> None:
    made = {CreateOrderRequest.FromString(body).order_id for body in islice(bodies.numbered_orders("bench-order"), 20)}
    asked = {GetOrderRequest.FromString(body).order_id for body in islice(bodies.order_queries("bench-order", 20), 20)}
    assert made == asked


def test_a_query_made_from_answers_asks_for_the_newest_with_its_token() -> None:
    query = GetOrderRequest.FromString(bodies.newest_fresh_query([_answer(7, "b"), _answer(9, "a"), _answer(8, "c")]))
    protovalidate.validate(query)
    assert (query.order_id, query.consistency.at_least_token.position) == ("a", 9)
    oldest = GetOrderRequest.FromString(bodies.oldest_query([_answer(7, "b"), _answer(9, "a")]))
    assert (oldest.order_id, oldest.HasField("consistency")) == ("b", False)


def test_a_watch_made_from_an_acceptance_follows_that_command() -> None:
    token = ConsistencyToken(epoch=_EPOCH, position=7)
    accepted = CreateOrderResponse(receipt=CommandReceipt(command_id="c-1", token=token))
    watch = WatchCommandRequest.FromString(bodies.watch(accepted.SerializeToString()))
    protovalidate.validate(watch)
    assert (watch.command_id, watch.consistency.at_least_token.position) == ("c-1", 7)


def test_transfers_are_valid_and_between_accounts_that_were_opened() -> None:
    accounts = [OpenAccountRequest.FromString(body) for body in islice(bank_bodies.accounts("b"), 20)]
    hot = [TransferMoneyRequest.FromString(body) for body in islice(bank_bodies.hot_transfers("b"), 4)]
    distinct = [TransferMoneyRequest.FromString(body) for body in islice(bank_bodies.distinct_transfers("b", 10), 10)]
    for request in (*accounts, *hot, *distinct):
        protovalidate.validate(request)
    used = [{request.source_account_id, request.destination_account_id} for request in distinct]
    assert set.union(*used) == {account.account_id for account in accounts}
    assert sum(len(each) for each in used) == 20
    assert {(each.source_account_id, each.destination_account_id) for each in hot} == {
        ("b-000000", "b-000001"),
        ("b-000001", "b-000000"),
    }


def test_entries_hold_whole_records_each_of_its_own_stream() -> None:
    entries = list(islice(order_entries(41), 5))
    for entry in entries:
        (new,) = entry.records
        record, event = Record.FromString(new.record), OrderCreated()
        event.ParseFromString(record.data)
        assert (record.stream, record.type, record.version) == (new.stream, new.type, 1)
        assert new.stream == f"shop.order-{event.order_id}"
        assert CreateOrderResponse.FromString(entry.receipt or b"").receipt.aggregate_id == event.order_id
    assert entries[0].records[0].stream == "shop.order-bench-entry-00000041"
    assert len({entry.command_id for entry in entries}) == len({entry.records[0].stream for entry in entries}) == 5
