"""Step 4: entries as the arrays that append() takes, its rows as outcomes."""

from collections.abc import Callable, Sequence
from typing import Any

from command_service.event_log import (
    Appended,
    ChannelFull,
    ClaimTaken,
    CommandIdReused,
    Entry,
    LogError,
    RecordTooLarge,
    VersionConflict,
)
from command_service.postgres.batch_tails import tail_arguments
from command_service.postgres.batch_work import work_arguments
from runtime.record import LARGEST_RECORD_BYTES


class Batch:
    """The entries of one call of append(), flattened: each entry's parts follow on those of the one before."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.reads = [read for entry in entries for read in entry.reads]
        self.records = [record for entry in entries for record in entry.records]
        self.claims = [claim for entry in entries for claim in entry.claims]
        work = any(record.work for record in self.records) or any(entry.executes for entry in entries)
        self.statement = "append_with_work" if work else "append"
        """The name of its SQL."""

    def arguments(self) -> tuple[list[Any], ...]:
        """In the order of append()'s parameters."""
        work = work_arguments(self.entries) if self.statement != "append" else ()
        return (*self._plain(), *work, *tail_arguments(self.entries))

    def _plain(self) -> tuple[list[Any], ...]:
        entries, records, claims = self.entries, self.records, self.claims
        return (
            [entry.command_id for entry in entries],
            [entry.request_hash for entry in entries],
            [entry.state for entry in entries],
            [entry.receipt for entry in entries],
            _ends([len(entry.reads) for entry in entries]),
            _ends([len(entry.records) for entry in entries]),
            _ends([len(entry.claims) for entry in entries]),
            [stream for stream, _ in self.reads],
            [version for _, version in self.reads],
            self._read_after(),
            [record.stream for record in records],
            [record.version for record in records],
            [record.type for record in records],
            [record.record for record in records],
            [claim.scope for claim in claims],
            [claim.value for claim in claims],
            [claim.owner for claim in claims],
            [claim.release for claim in claims],
        )

    def _read_after(self) -> list[int]:
        """For each read, how many records of the batch come before its entry."""
        after, records = [], 0
        for entry in self.entries:
            after.extend([records] * len(entry.reads))
            records += len(entry.records)
        return after

    def outcomes(self, rows: Sequence[Any]) -> list[Appended | LogError]:
        """One for each entry, in order, of append()'s answer."""
        epoch = str(rows[0]["log_epoch"])
        return [self._outcome(entry, row, epoch) for entry, row in zip(self.entries, rows, strict=True)]

    def _outcome(self, entry: Entry, row: Any, epoch: str) -> Appended | LogError:
        code, _, position, stored, about, actual, state = row
        if code == 0:
            state = 0 if entry.receipt is None else entry.state
            return Appended(epoch, position, replayed=False, receipt=entry.receipt, state=state)
        if code == 1:
            return Appended(epoch, position, replayed=True, receipt=stored, state=state)
        return _REFUSALS[code](self, (about or 0) - 1, actual)

    def _read_moved(self, about: int, actual: int) -> LogError:
        stream, expected = self.reads[about]
        return VersionConflict(stream, expected, actual)

    def _claim_taken(self, about: int, _actual: int) -> LogError:
        claim = self.claims[about]
        return ClaimTaken(claim.scope, claim.value)

    def _too_large(self, about: int, _actual: int) -> LogError:
        return too_large(self.records[about].type, len(self.records[about].record))

    def _out_of_turn(self, about: int, actual: int) -> LogError:
        record = self.records[about]
        return VersionConflict(record.stream, record.version - 1, actual)

    def _channel_full(self, about: int, _actual: int) -> LogError:
        work = self.records[about].work
        return ChannelFull(work.channel if work else "")


def too_large(kind: str, size: int) -> RecordTooLarge:
    """The refusal of a record of a type and a size in bytes."""
    return RecordTooLarge(f"A record of {kind} has {size} bytes, the log takes {LARGEST_RECORD_BYTES}")


def _reused(_batch: Batch, _about: int, _actual: int) -> LogError:
    return CommandIdReused("The command id belongs to another request")


def _ends(lengths: Sequence[int]) -> list[int]:
    """Running sums: where each entry's part of a flattened list ends."""
    total, ends = 0, []
    for length in lengths:
        total += length
        ends.append(total)
    return ends


_REFUSALS: dict[int, Callable[[Batch, int, int], LogError]] = {
    2: _reused,
    3: Batch._read_moved,
    4: Batch._claim_taken,
    5: Batch._too_large,
    6: Batch._out_of_turn,
    7: Batch._channel_full,
}
"""What append()'s outcomes other than 0 and 1 mean."""
