"""Step 4: entries for the log as CreateOrder makes them, each on a stream of its own, cheap enough to flood it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from cqrs.common.v1.common_pb2 import COMMAND_STATE_SUCCEEDED, CommandReceipt
from cqrs.log.v1.record_pb2 import Record
from cqrs.shop.v1.commands_pb2 import CreateOrderResponse
from cqrs.shop.v1.events_pb2 import OrderCreated
from uuid_utils import uuid7

from bench.bodies import order, order_id
from command_service.event_log import Entry, NewRecord

_PREFIX = "bench-entry"
_PLACE = order_id(0, _PREFIX)
_ID = "00000000-0000-0000-0000-000000000000"
_TYPE = OrderCreated.DESCRIPTOR.full_name


def order_entries(first: int = 0, prefix: str = _PREFIX) -> Iterator[Entry]:
    """Entries that create the orders `order_id(first, prefix)` and so on; prefixes are as long as bench-entry."""
    record, receipt = _record().split(_ID.encode()), _receipt().split(_ID.encode())
    for number in itertools.count(first):
        identity, command = order_id(number, prefix), str(uuid7())
        stream = f"shop.order-{identity}"
        bytes_ = command.encode().join(record).replace(_PLACE.encode(), identity.encode())
        answer = command.encode().join(receipt).replace(_PLACE.encode(), identity.encode())
        yield Entry(
            command,
            bytes(32),
            ((stream, 0),),
            (NewRecord(stream, 1, _TYPE, bytes_),),
            (),
            answer,
            COMMAND_STATE_SUCCEEDED,
        )


def record_bytes(count: int) -> list[bytes]:
    """The records of so many entries: what relay and publishers carry."""
    return [entry.records[0].record for entry in itertools.islice(order_entries(), count)]


def _record() -> bytes:
    asked = order(_PLACE)
    event = OrderCreated(
        order_id=_PLACE,
        customer_id=asked.customer_id,
        customer_name=asked.customer_name,
        items=asked.items,
        total_amount=asked.total_amount,
        shipping_address=asked.shipping_address,
    )
    event.order_time.FromNanoseconds(time.time_ns())
    record = Record(
        id=_ID,
        type=_TYPE,
        stream=f"shop.order-{_PLACE}",
        version=1,
        data=event.SerializeToString(),
        correlation_id=_ID,
        causation_id=_ID,
        schema_version=1,
    )
    record.time.FromNanoseconds(time.time_ns())
    return record.SerializeToString()


def _receipt() -> bytes:
    receipt = CommandReceipt(
        command_id=_ID, state=COMMAND_STATE_SUCCEEDED, aggregate_id=_PLACE, version=1, correlation_id=_ID
    )
    receipt.time.FromNanoseconds(time.time_ns())
    return CreateOrderResponse(receipt=receipt).SerializeToString()
