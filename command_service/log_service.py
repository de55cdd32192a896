"""The log for anybody: LogService over the EventLog port, in order, as fast as the reader takes it."""

from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from cqrs.common.v1 import common_pb2, errors_pb2
from cqrs.log.v1 import log_service_pb2 as messages
from google.protobuf.descriptor import ServiceDescriptor

from command_service.event_log import EventLog, LogFilter, LogUnavailable
from runtime.call import Call, refuse
from runtime.record import Head
from runtime.rpc import Streaming, Unary

T = TypeVar("T")

PAGE = 500
IDLE_SECONDS = 30.0
"""How long a live reader waits for news before it looks again by itself."""

DESCRIPTOR: ServiceDescriptor = messages.DESCRIPTOR.services_by_name["LogService"]


class LogService:
    """Answers GetHead, ReadLog and ReadStream."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def handlers(self) -> dict[str, Unary | Streaming]:
        """The handler of each RPC."""
        return {"GetHead": self._get_head, "ReadLog": self._read_log, "ReadStream": self._read_stream}

    async def _get_head(self, _request: messages.GetHeadRequest, _call: Call) -> messages.GetHeadResponse:
        head = await _reached(self._log.head())
        token = common_pb2.ConsistencyToken(epoch=head.epoch, position=head.position)
        return messages.GetHeadResponse(token=token, chain=head.chain)

    async def _read_log(self, request: messages.ReadLogRequest, _call: Call) -> AsyncIterator[messages.ReadLogResponse]:
        """Pages of the log; the reader's flow control decides when the next one is read."""
        wanted = LogFilter(tuple(request.streams), tuple(request.types))
        head = await _reached(self._log.head())
        after, left = request.after_position, request.limit or None
        while left is None or left > 0:
            page = await _reached(self._log.read_log(after, PAGE if left is None else min(PAGE, left), wanted))
            for logged in page.records:
                yield messages.ReadLogResponse(
                    position=logged.position, record=logged.record, chain=logged.chain, epoch=head.epoch
                )
            left = None if left is None else left - len(page.records)
            if page.scanned_to > after and not page.records:
                yield messages.ReadLogResponse(position=page.scanned_to, epoch=head.epoch)
            after = max(after, page.scanned_to)
            if after >= head.position:
                if request.stop_at_head:
                    return
                await _reached(self._log.wait_beyond(after, IDLE_SECONDS))

    async def _read_stream(
        self, request: messages.ReadStreamRequest, _call: Call
    ) -> AsyncIterator[messages.ReadStreamResponse]:
        after = request.after_version
        while page := await _reached(self._log.read_stream(request.stream, after, PAGE)):
            for logged in page:
                yield messages.ReadStreamResponse(position=logged.position, record=logged.record, chain=logged.chain)
            after += len(page)


async def _reached(answer: Awaitable[T]) -> T:
    """What the log answers; a log that is away is the caller's UNAVAILABLE, to be asked again."""
    try:
        return await answer
    except LogUnavailable as error:
        text = "The log is away: call again"
        raise refuse(errors_pb2.PLATFORM_ERROR_STORE_UNAVAILABLE, text, retry_seconds=1) from error


def shown(head: Head) -> dict[str, str | int]:
    """A head as /status shows it."""
    return {"epoch": head.epoch, "position": head.position}
