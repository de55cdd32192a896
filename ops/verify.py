"""Proves the log: every link of its hash chain, and that the stream holds the same bytes at the same sequence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import nats
import nats.errors
from cqrs.log.v1.log_service_pb2 import GetHeadRequest, ReadLogRequest
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from runtime.record import genesis, link

if TYPE_CHECKING:  # the generated module has this name for the type checker only
    from cqrs.log.v1.log_service_pb2_grpc import LogServiceAsyncStub

STREAM = "LOG"
SILENCE_SECONDS = 5.0
"""How long the stream may say nothing while messages are still due."""
MOST_FINDINGS = 20

Progress = Callable[[int, int], None]
"""(records compared, records in all)"""


@dataclass(slots=True)
class Verdict:
    """What was compared and what did not agree."""

    epoch: str
    position: int
    """The log's head when the comparison began."""
    records: int = 0
    """How many records of the log were read; each was hashed onto its predecessor."""
    messages: int = 0
    """How many messages of the stream were compared with them."""
    findings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when log and stream agree and the chain holds."""
        return not self.findings and self.records == self.messages == self.position

    def shown(self) -> dict[str, Any]:
        """The verdict as JSON shows it."""
        return {**asdict(self), "ok": self.ok}

    def add(self, finding: str) -> None:
        """Note what does not agree; the first MOST_FINDINGS are enough to act on."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)


async def verify(log_address: str, nats_url: str, progress: Progress) -> Verdict:
    """Compare the whole log with its stream; raises grpc.aio.AioRpcError or nats errors when one cannot be read."""
    async with grpc.aio.insecure_channel(log_address) as channel:
        service: LogServiceAsyncStub = LogServiceStub(channel)
        head = await service.GetHead(GetHeadRequest())
        verdict = Verdict(head.token.epoch, head.token.position)
        connection = await nats.connect(nats_url, connect_timeout=5, max_reconnect_attempts=1)
        try:
            await _compare(service, _messages(connection, verdict.position), verdict, progress)
        finally:
            await connection.close()
    return verdict


async def _compare(
    service: LogServiceAsyncStub, messages: AsyncIterator[Msg], verdict: Verdict, progress: Progress
) -> None:
    chain = genesis(verdict.epoch)
    published = await anext(messages, None)
    async for logged in service.ReadLog(ReadLogRequest(stop_at_head=True, limit=verdict.position or 1)):
        verdict.records += 1
        if logged.position != verdict.records:
            verdict.add(f"log: position {verdict.records} is missing, {logged.position} follows")
        chain = link(chain, logged.position, logged.record)
        if chain != logged.chain:
            verdict.add(f"log: the chain breaks at position {logged.position}: a record before it was changed")
            chain = logged.chain
        if published is not None and published.metadata.sequence.stream == logged.position:
            _same(published, logged.record, logged.chain, verdict)
            published = await anext(messages, None)
        else:
            verdict.add(f"stream: position {logged.position} is missing")
        if verdict.records % 1000 == 0:
            progress(verdict.records, verdict.position)
    progress(verdict.records, verdict.position)


def _same(message: Msg, record: bytes, chain: bytes, verdict: Verdict) -> None:
    verdict.messages += 1
    position, headers = message.metadata.sequence.stream, message.headers or {}
    if message.data != record:
        verdict.add(f"stream: the bytes at position {position} are not the log's")
    if headers.get("Obverse-Position") != str(position) or headers.get("Obverse-Chain") != chain.hex():
        verdict.add(f"stream: the headers at position {position} are not the log's: {headers}")


async def _messages(connection: Client, last: int) -> AsyncIterator[Msg]:
    """The stream's messages up to the log's head, in order; ends early where the stream does."""
    stream = connection.jetstream()
    try:
        last = min(last, (await stream.stream_info(STREAM)).state.last_seq)
    except NotFoundError:
        return
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    consumer = await stream.subscribe("log.>", stream=STREAM, ordered_consumer=True, config=config)
    sequence = 0
    while sequence < last:
        try:
            message = await consumer.next_msg(SILENCE_SECONDS)
        except (TimeoutError, nats.errors.TimeoutError):
            return
        sequence = message.metadata.sequence.stream
        if sequence <= last:
            yield message
