"""The stream LOG as the relay meets it: created, read at its end, published to."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from command_service.relay.declaration import NAME, Extent, declared, extent
from command_service.relay.errors import Refused, Silent, StreamAway, StreamGone, Unexpected, Unreadable
from command_service.relay.messages import batch, single
from runtime.record import Logged

Answer = asyncio.Future[dict[str, Any]]

_NO_STREAM: dict[str, Any] = {}
_WRONG_LAST_SEQUENCE = (10071, 10164)
_FEWEST_IN_A_BATCH = 16
"""A batch costs the broker 2 ms and more whatever is in it; fewer records are faster one by one (ADR 0010)."""


@dataclass(frozen=True, slots=True)
class Published:
    """A message as it stands in the stream."""

    epoch: str
    chain: bytes
    record: bytes


class LogStream:
    """One connection to the broker; it ends with the connection and never publishes anything twice by itself."""

    def __init__(
        self, client: Client, ack_seconds: float, translated: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=ack_seconds)
        self._ack_seconds = ack_seconds
        self._translated = translated
        self._inbox = client.new_inbox()
        self._waiting: dict[str, Answer] = {}
        self._sent = 0

    async def extent(self) -> Extent:
        """Where the stream begins and ends; raises StreamGone, StreamAway."""
        with self._translated():
            return extent(await self._jetstream.stream_info(NAME))

    async def create(self, epoch: str, replicas: int) -> None:
        """Create the stream as declared; raises Refused where there is another one by now."""
        with self._translated():
            await self._jetstream.add_stream(declared(epoch, replicas))

    async def message(self, sequence: int) -> Published:
        """A message of the stream; raises Unreadable, StreamAway."""
        try:
            with self._translated():
                raw = await self._jetstream.get_msg(NAME, sequence)
        except StreamGone:
            raise Unreadable(f"message {sequence} is not there although the stream ends with it") from None
        try:
            headers = raw.headers or {}
            if headers["Obverse-Position"] != str(sequence):
                raise Unreadable(f"message {sequence} says to be record {headers['Obverse-Position']}")
            return Published(headers["Obverse-Epoch"], bytes.fromhex(headers["Obverse-Chain"]), raw.data or b"")
        except (KeyError, ValueError):
            raise Unreadable(f"message {sequence} was not published by a relay") from None

    async def publish(self, epoch: str, records: Sequence[Logged]) -> list[Answer]:
        """Send records, consecutive and in order; gives what `acknowledged` takes; raises StreamAway, Unpublishable."""
        if len(records) < _FEWEST_IN_A_BATCH:
            replies = [self._reply() for _ in records]
            data = b"".join(single(epoch, each, reply) for each, (reply, _) in zip(records, replies, strict=True))
        else:
            replies = [self._reply()]
            data = batch(epoch, records, replies[0][0].partition(".")[2], replies[0][0])
        await self._write(data)
        return [future for _, future in replies]

    async def acknowledged(self, answers: Sequence[Answer], last: int) -> None:
        """Wait until the records up to `last` are stored; raises a StreamError."""
        try:
            async with asyncio.timeout(self._ack_seconds):
                given = [await future for future in answers]
        except TimeoutError:
            raise Silent(f"no answer to a publish within {self._ack_seconds:g} s") from None
        for answer in given:
            if answer is _NO_STREAM:
                raise StreamGone("no stream takes log.>")
            if "error" in answer:
                raise _refusal(answer["error"])
        if given[-1]["seq"] != last:
            raise Unexpected(f"record {last} was stored as message {given[-1]['seq']}")

    async def listen(self) -> None:
        """Begin to take answers."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answered)

    def lost(self) -> None:
        """The connection is gone: whoever waits for an answer learns that there will be none."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(StreamAway("the connection to the broker broke"))
                future.exception()  # it may be that nobody waits for this one
        self._waiting.clear()

    def _reply(self) -> tuple[str, Answer]:
        self._sent += 1
        reply = f"{self._inbox}.{self._sent}"
        self._waiting[reply] = future = asyncio.get_running_loop().create_future()
        return reply, future

    async def _answered(self, message: Msg) -> None:
        future = self._waiting.pop(message.subject, None)
        if future is not None and not future.done():
            # Without data it is the broker's 503: nobody listens to the subject.
            future.set_result(json.loads(message.data) if message.data else _NO_STREAM)

    async def _write(self, data: bytes) -> None:
        if not self._client.is_connected:
            raise StreamAway("the connection to the broker broke")
        # The client has no call for many messages at once; one by one they cost several times as much. These two are
        # what its own publish() ends with, and requirements.txt pins its version.
        await self._client._send_command(data)
        await self._client._flush_pending()


def _refusal(error: dict[str, Any]) -> Refused:
    code, text = error.get("err_code", 0), error.get("description", "")
    return (Unexpected if code in _WRONG_LAST_SEQUENCE else Refused)(f"{code} {text}")
