"""Refusals are typed by their enum, and every status stays small enough for any client."""

import pytest
from cqrs.common.v1 import errors_pb2
from cqrs.common.v1.common_pb2 import Money
from cqrs.shop.v1 import commands_pb2 as shop
from cqrs.shop.v1.errors_pb2 import ShopError
from cqrs.shop.v1.types_pb2 import OrderItem
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from runtime.refusals import Refusals, Refused
from runtime.rich_status import LARGEST_DETAILS_BYTES, MESSAGE_ID, rich_status
from runtime.validation import validate

refuse = Refusals(errors_pb2.PlatformError)


def details(refused: Refused) -> Status:
    trailing = dict(rich_status(refused, "message-1").trailing_metadata)
    assert trailing[MESSAGE_ID] == "message-1"
    return Status.FromString(bytes(trailing["grpc-status-details-bin"]))


@pytest.mark.parametrize("enum", [errors_pb2.PlatformError, ShopError], ids=["platform", "shop"])
def test_every_refusal_names_its_grpc_code(enum: EnumTypeWrapper) -> None:
    known = Refusals(enum)
    for value in enum.DESCRIPTOR.values[1:]:
        refused = known(value.number, "text")
        assert refused.code > 0
        assert value.name.endswith(refused.reason)


def test_a_refusal_carries_its_reason_domain_and_when_to_come_back() -> None:
    text = "wait"
    status = details(refuse(errors_pb2.PLATFORM_ERROR_OVERLOADED, text, retry_seconds=1.5, limit="7"))
    info, retry = ErrorInfo(), RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (status.message, info.reason, info.domain, dict(info.metadata)) == (
        "wait",
        "OVERLOADED",
        "cqrs.common.v1",
        {"limit": "7"},
    )
    assert retry.retry_delay.ToMilliseconds() == 1500


def test_a_text_with_a_nul_which_no_store_can_hold_is_refused_with_the_name_of_its_field() -> None:
    """Accepted once, it would fail for good: what an order needs of a product of such an id, and what takes it back."""
    price = Money(minor_units=0, currency_code="EUR")
    items = [OrderItem(product_id="p", quantity=1, price=price), OrderItem(product_id="p\0", quantity=0, price=price)]
    request = shop.CreateOrderRequest(order_id="o\0", customer_id="ok", customer_email="x", items=items)
    with pytest.raises(Refused) as caught:
        validate(request)
    assert caught.value.fields == (
        ("order_id", "Order id cannot hold the character U+0000"),
        ("customer_email", "Invalid email x"),
        ("items[1].product_id", "Product id cannot hold the character U+0000"),
        ("items[1].quantity", "Quantity must be greater than zero"),
    )
    validate(shop.CreateOrderRequest(order_id="0", customer_id="\1", items=items[:1]))


def test_all_faults_of_a_shape_are_found_at_once_in_field_order() -> None:
    request = shop.CreateOrderRequest(customer_email="x", items=[OrderItem(quantity=0)])
    with pytest.raises(Refused) as caught:
        validate(request)
    assert caught.value.fields == (
        ("customer_name", "Customer name cannot be empty"),
        ("customer_email", "Invalid email x"),
        ("items[0].product_id", "Product id cannot be empty"),
        ("items[0].quantity", "Quantity must be greater than zero"),
        ("items[0].price", "Price is required"),
    )
    assert caught.value.text == "Customer name cannot be empty"


@given(st.lists(st.tuples(st.text(max_size=400), st.text(max_size=2000)), min_size=1, max_size=300))
def test_a_status_stays_under_its_limit_whatever_was_wrong(fields: list[tuple[str, str]]) -> None:
    refused = refuse(errors_pb2.PLATFORM_ERROR_INVALID_REQUEST, fields[0][1])
    refused.fields = tuple(fields)
    status = details(refused)
    assert status.ByteSize() <= LARGEST_DETAILS_BYTES + 600
    bad = BadRequest()
    assert status.details[-1].Unpack(bad)
    assert bad.field_violations
