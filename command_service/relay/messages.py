"""From records to the bytes of NATS messages, a whole batch at a time.

Atomic batches and their headers: NATS ADR-50. The protocol's HPUB: docs.nats.io, "NATS Protocol".
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from cqrs.log.v1.record_pb2 import Record

from command_service.relay.errors import Unpublishable
from runtime.record import Logged
from runtime.subjects import subject as subject_of

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_SUBJECT = re.compile(r"[A-Za-z0-9_.-]+")


def batch(epoch: str, records: Sequence[Logged], batch_id: str, reply: str) -> bytes:
    """An atomic batch of 2 to 1,000 records; only its last message is answered, at `reply`.

    The expected last sequence stands on the first message: the server refuses the batch with it on any other.
    """
    start = f"Nats-Batch-Id: {batch_id}\r\nNats-Batch-Sequence: ".encode()
    last = len(records)
    out: list[bytes] = []
    for number, logged in enumerate(records, 1):
        control = start + b"%d\r\n" % number
        if number == 1:
            control += _expected(logged)
        if number == last:
            control += b"Nats-Batch-Commit: 1\r\n"
        _message(out, epoch, logged, control, reply if number == last else "")
    return b"".join(out)


def single(epoch: str, logged: Logged, reply: str) -> bytes:
    """One record by itself, answered at `reply`."""
    out: list[bytes] = []
    _message(out, epoch, logged, _expected(logged), reply)
    return b"".join(out)


def _expected(logged: Logged) -> bytes:
    return b"Nats-Expected-Last-Sequence: %d\r\n" % (logged.position - 1)


def _message(out: list[bytes], epoch: str, logged: Logged, control: bytes, reply: str) -> None:
    record = Record.FromString(logged.record)
    header = (
        f"NATS/1.0\r\nObverse-Epoch: {epoch}\r\nObverse-Position: {logged.position}\r\n"
        f"Obverse-Chain: {logged.chain.hex()}\r\n{_trace(record.traceparent)}"
    ).encode() + control
    size = len(header) + 2
    subject = _checked(subject_of(record))
    out += (
        f"HPUB {subject} {reply} {size} {size + len(logged.record)}\r\n".encode(),
        header,
        b"\r\n",
        logged.record,
        b"\r\n",
    )


def _trace(traceparent: str) -> str:
    return f"traceparent: {traceparent}\r\n" if _TRACEPARENT.fullmatch(traceparent) else ""


@lru_cache(maxsize=10_000)
def _checked(subject: str) -> str:
    if not _SUBJECT.fullmatch(subject) or "" in subject.split("."):
        raise Unpublishable(f"{subject!r} is no subject: the names of streams and record types are letters, digits, _")
    return subject
