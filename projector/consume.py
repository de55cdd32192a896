"""Step 7, consumed: the log in order, each record proved to continue the one before it."""

from collections.abc import Sequence

import structlog
from cqrs.log.v1.record_pb2 import Record
from prometheus_client import Counter

from projector.log_client import Delivered, LogClient
from runtime.record import genesis, link

READ_AT_ONCE = 1000
"""The most records that are asked of the log at once where the stream has a gap."""

_BACKFILLED = Counter(
    "obverse_projector_backfilled_records_total", "Records that the stream lacked, read from the log."
)

log = structlog.get_logger()


class OtherChain(Exception):
    """The log does not continue what was projected: it is another history."""


class Verified:
    """A record that is proved to be the log's, with its place; parsed once for all projections."""

    __slots__ = ("chain", "epoch", "position", "record")

    def __init__(self, epoch: str, position: int, chain: bytes, record: Record) -> None:
        self.epoch = epoch
        self.position = position
        self.chain = chain
        self.record = record

    @property
    def time(self) -> float:
        """When it was decided, Unix seconds."""
        return self.record.time.seconds + self.record.time.nanos / 1e9


class Reader:
    """Verifies what the stream delivers after a proved place, and reads from the log what does not fit."""

    def __init__(self, log_client: LogClient, epoch: str, position: int, chain: bytes) -> None:
        self._log = log_client
        self.epoch = epoch
        """Empty before the first record of a log that nothing was projected of."""
        self.position = position
        self.chain = chain

    async def verified(self, delivered: Sequence[Delivered]) -> list[Verified]:
        """The records that come next, in order; what was seen before is dropped. Raises LogAway, OtherChain."""
        records: list[Verified] = []
        for each in delivered:
            if each.position <= self.position:
                continue
            if not self._continues(each):
                records += await self._from_log(each.position)
            else:
                records.append(self._accept(each))
        return records

    def _continues(self, each: Delivered) -> bool:
        if each.position != self.position + 1 or not each.epoch or self.epoch not in ("", each.epoch):
            return False
        return link(self.chain or genesis(each.epoch), each.position, each.record) == each.chain

    def _accept(self, each: Delivered) -> Verified:
        self.epoch, self.position, self.chain = each.epoch, each.position, each.chain
        return Verified(each.epoch, each.position, each.chain, Record.FromString(each.record))

    async def _from_log(self, last: int) -> list[Verified]:
        """The records up to `last`, as the log has them: the stream has a gap there, or something that does not fit."""
        log.warning("The stream does not continue: reading from the log", after=self.position, up_to=last)
        records: list[Verified] = []
        while self.position < last:
            found = await self._log.read(self.position, min(READ_AT_ONCE, last - self.position))
            for each in found:
                if not self._continues(each):
                    raise OtherChain(
                        f"record {each.position} of epoch {each.epoch} does not continue what was projected up to"
                        f" {self.position} of epoch {self.epoch}: the log is another one, or was changed"
                    )
                records.append(self._accept(each))
            _BACKFILLED.inc(len(found))
            if not found:
                raise OtherChain(f"the stream has a record {last}, but the log ends at {self.position}")
        return records
