"""Step 4: the records that a batch's decisions build on, as the arrays that append() takes."""

from collections.abc import Sequence
from hashlib import sha256

from command_service.event_log import Entry


def tail_arguments(entries: Sequence[Entry]) -> tuple[list[bytes], list[int]]:
    """The tail of each read; and which reads, from 1, have one that is not their stream's last record in the batch."""
    tails: list[bytes] = []
    unseen: list[int] = []
    last: dict[str, bytes] = {}
    for entry in entries:
        given = entry.tails[: len(entry.reads)]
        for number, ((stream, _), tail) in enumerate(zip(entry.reads, given, strict=False), len(tails) + 1):
            if tail and (stream not in last or sha256(last[stream]).digest() != tail):
                unseen.append(number)
        tails += [*given, *[b""] * (len(entry.reads) - len(given))]
        last.update((record.stream, record.record) for record in entry.records)
    return (tails, unseen) if any(tails) else ([], [])
