"""The comparison that every copying begins with: is the stream a copy of this log, and how far does it reach?"""

from command_service.event_log import EventLog
from command_service.relay.declaration import Extent
from command_service.relay.errors import Diverged, StreamGone, Unreadable
from command_service.relay.report import Report, State
from command_service.relay.stream import LogStream
from runtime.record import Head


async def handshake(log: EventLog, stream: LogStream, replicas: int, report: Report) -> Head:
    """Where the stream ends, proved to be the log's own history; creates a stream that is missing; raises Diverged."""
    doubted = report.stream_position + 1
    head = await log.head()
    report.log_at(head.position)
    extent = await _extent(stream, head, replicas, report)
    report.audited(extent.faults, extent.holes)
    if extent.epoch != head.epoch:
        raise Diverged(f"the stream belongs to epoch {extent.epoch or '(none)'}, the log is of {head.epoch}")
    if extent.last > head.position:
        raise Diverged(f"the stream ends at {extent.last}, the log at {head.position}: the log has lost its tail")
    # Records published one by one are each accepted after the one before: behind a stranger's message too. What follows
    # the last answer is therefore compared as well, not only the end.
    for position in {doubted, extent.last} if doubted <= extent.last else {extent.last} - {0}:
        await _compare(log, stream, head.epoch, position)
    report.stream_at(extent.last)
    return Head(head.epoch, extent.last, b"")


async def _extent(stream: LogStream, head: Head, replicas: int, report: Report) -> Extent:
    try:
        return await stream.extent()
    except StreamGone:
        report.enter(State.STREAM_MISSING, "there is no stream LOG: it is created, and filled from the log")
        await stream.create(head.epoch, replicas)
        return await stream.extent()


async def _compare(log: EventLog, stream: LogStream, epoch: str, position: int) -> None:
    try:
        published = await stream.message(position)
    except Unreadable as error:
        raise Diverged(f"{error}; nothing shows that the stream is a copy of this log") from None
    (logged,) = (await log.read_log(position - 1, 1)).records
    if (published.epoch, published.chain, published.record) != (epoch, logged.chain, logged.record):
        raise Diverged(f"the stream's message {position} is another record than the log's record {position}")
