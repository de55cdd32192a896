"""Entries for the event log's tests, under names that no other test has."""

import hashlib
from collections.abc import Sequence

import uuid_utils

from command_service.decider import Claim
from command_service.event_log import Entry, EventLog, NewRecord
from runtime.record import Logged, genesis, link

RECEIPT = b"done"
TYPE = "cqrs.shop.v1.OrderCreated"


def unique(prefix: str = "test.thing") -> str:
    """A stream name, or anything else that must be new."""
    return f"{prefix}-{uuid_utils.uuid7()}"


def records(
    stream: str, after: int, count: int = 1, record: bytes = b"record", kind: str = TYPE
) -> tuple[NewRecord, ...]:
    """So many records of a stream after a version."""
    return tuple(
        NewRecord(stream, version, kind, record + b" %d" % version) for version in range(after + 1, after + count + 1)
    )


def entry(
    reads: Sequence[tuple[str, int]],
    new: Sequence[NewRecord] = (),
    claims: Sequence[Claim] = (),
    command_id: str | None = None,
    request: bytes = b"",
    receipt: bytes | None = RECEIPT,
) -> Entry:
    """An entry, with a new command id unless one is given."""
    command_id = command_id or str(uuid_utils.uuid7())
    request_hash = hashlib.sha256(request).digest()
    return Entry(command_id, request_hash, tuple(reads), tuple(new), tuple(claims), receipt, 2)


def adding(stream: str, after: int, count: int = 1, command_id: str | None = None, request: bytes = b"") -> Entry:
    """An entry that adds records to the one stream that it read."""
    return entry([(stream, after)], records(stream, after, count), command_id=command_id, request=request)


async def whole_log(log: EventLog) -> list[Logged]:
    """Every record of the log."""
    found: list[Logged] = []
    while page := (await log.read_log(len(found), 1000)).records:
        found.extend(page)
    return found


async def assert_sound(log: EventLog) -> None:
    """Positions have no gap, and each record's chain follows from the genesis."""
    head = await log.head()
    chain = genesis(head.epoch)
    found = await whole_log(log)
    assert [logged.position for logged in found] == list(range(1, head.position + 1))
    for logged in found:
        chain = link(chain, logged.position, logged.record)
        assert logged.chain == chain
    assert chain == head.chain
