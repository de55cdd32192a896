"""Step 4 and 6: the work of a batch's records as the arrays that append() takes."""

from collections.abc import Iterator, Sequence
from typing import Any

from command_service.event_log import Entry
from command_service.run_times import bound_of
from command_service.work import Work, WorkKind, kept


def work_arguments(entries: Sequence[Entry]) -> tuple[list[Any], ...]:
    """In the order of append()'s parameters, which entries execute first."""
    rows = [_row(entry, number, work) for entry, number, work in _works(entries)]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(11)]
    return ([entry.executes for entry in entries], *columns)


def _works(entries: Sequence[Entry]) -> Iterator[tuple[Entry, int, Work]]:
    """Each work with its entry and the number of its record in the batch, from 1."""
    number = 0
    for entry in entries:
        for record in entry.records:
            number += 1
            if record.work is not None:
                yield entry, number, record.work


def _row(entry: Entry, number: int, work: Work) -> tuple[Any, ...]:
    is_sent = work.kind is WorkKind.OPEN and work.key != entry.command_id
    return (
        number,
        work.kind,
        work.key,
        work.channel,
        work.stream,
        work.type,
        work.due,
        bound_of(work.run_millis),
        kept(work.text),
        work.most_open,
        work.request_hash if is_sent else None,
    )
