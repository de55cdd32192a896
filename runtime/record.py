"""Step 4 to 8: the record's place in the log, and the hash chain over it."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

LARGEST_RECORD_BYTES = 384 * 1024
"""The largest serialised Record that append() takes; the stream takes 512 KiB a message, the broker 1 MiB."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A record at its place in the log."""

    position: int
    """From 1, without gaps; equal to the stream's sequence."""
    record: bytes
    """A serialised cqrs.log.v1.Record, the very bytes that are stored, hashed and published."""
    chain: bytes
    """The hash chain at this position, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends."""

    epoch: str
    """The UUID of the epoch."""
    position: int
    """The last position; 0 for an empty log."""
    chain: bytes
    """The hash chain at it; the genesis for an empty log."""


def genesis(epoch: str) -> bytes:
    """The chain before the first record: sha256 of the epoch's UUID as 16 bytes."""
    return hashlib.sha256(UUID(epoch).bytes).digest()


def link(chain: bytes, position: int, record: bytes) -> bytes:
    """The chain at `position`: sha256(chain before ‖ position as 8 bytes big-endian ‖ record bytes)."""
    return hashlib.sha256(chain + position.to_bytes(8, "big") + record).digest()


def category(stream: str) -> str:
    """The kind of a stream: "shop.order" of "shop.order-1"."""
    return stream.partition("-")[0]


def whole(time: Timestamp) -> Timestamp:
    """The same time with nanoseconds of 0 to a second: the wire takes others, and JSON readers would fail on them."""
    return Timestamp(seconds=time.seconds + time.nanos // 10**9, nanos=time.nanos % 10**9)
