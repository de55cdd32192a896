"""Step 7: the stream LOG, pushed to us in order from a position on, with flow control.

StreamAway     the broker or the stream is away, or has fallen silent; asked again later
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError

from projector.log_client import Delivered

STREAM = "LOG"
HEARTBEAT_SECONDS = 0.5
SILENT_SECONDS = 2.0
"""A broker that has sent neither a message nor a heartbeat for so long does not know our consumer any more."""

_HEADER = re.compile(
    rb"NATS/1\.0\r\nObverse-Epoch: ([^\r]+)\r\nObverse-Position: (\d+)\r\nObverse-Chain: ([0-9a-f]+)\r\n"
)
_STALLED = re.compile(rb"Nats-Consumer-Stalled: ([^\r]+)\r\n")

log = structlog.get_logger()


class StreamAway(Exception):
    """The stream cannot be read now."""


class Delivery:
    """What has arrived and was not taken yet, in the order of the stream."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._arrived: list[Delivered | bytes] = []
        self._woken = asyncio.Event()
        self._failure: Exception | None = None
        self._heard = time.monotonic()

    async def take(self, most: int) -> list[Delivered]:
        """The next messages, at least one; raises StreamAway, or what `interrupt` was given."""
        while True:
            if self._failure is not None:
                raise self._failure
            taken, self._arrived = self._arrived[:most], self._arrived[most:]
            for reply in (each for each in taken if isinstance(each, bytes)):
                await self._client.publish(reply.decode())
            messages = [each for each in taken if not isinstance(each, bytes)]
            if messages:
                return messages
            await self._more()

    @property
    def more(self) -> bool:
        """Whether another record has arrived already."""
        return bool(self._arrived) and isinstance(self._arrived[-1], Delivered)

    def interrupt(self, failure: Exception) -> None:
        """Make `take` raise."""
        self._failure = self._failure or failure
        self._woken.set()

    async def _more(self) -> None:
        if self._arrived or self._failure:
            return
        self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENT_SECONDS):
                await self._woken.wait()
        if not self._arrived and time.monotonic() - self._heard > SILENT_SECONDS:
            raise StreamAway("the broker has sent no heartbeat: the stream is gone, or the broker has forgotten us")

    def arrive(self, reply: bytes, data: bytes, headers: bytes | None) -> None:
        """Take one message from the connection: a record, a request for flow control, or a heartbeat."""
        self._heard = time.monotonic()
        if headers is not None and headers.startswith(b"NATS/1.0 100"):
            stalled = _STALLED.search(headers)
            if stalled or reply:
                self._arrived.append(stalled[1] if stalled else reply)
                self._woken.set()
            return
        self._arrived.append(_delivered(reply, data, headers or b""))
        self._woken.set()


def _delivered(reply: bytes, data: bytes, headers: bytes) -> Delivered:
    """A record that does not say where it belongs, or says otherwise than the stream, is left without a chain."""
    parts = reply.split(b".")
    sequence = int(parts[5 if len(parts) == 9 else 7])
    found = _HEADER.match(headers)
    if found is None or int(found[2]) != sequence:
        return Delivered(sequence, "", b"", b"")
    return Delivered(sequence, found[1].decode(), bytes.fromhex(found[3].decode()), data)


class _DirectClient(Client):
    """nats-py with a short way for the messages of one subscription: its own costs as much as all the rest of the
    projector (its headers are parsed as e-mail, and each message passes a queue and a task)."""

    delivery: tuple[int, Delivery] | None = None

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: Any) -> None:
        if self.delivery is not None and sid == self.delivery[0]:
            self.delivery[1].arrive(reply, data, headers)
        else:
            await super()._process_msg(sid, subject, reply, data, headers)


@asynccontextmanager
async def deliveries(url: str, first: int) -> AsyncIterator[Delivery]:
    """The stream from a position on; raises StreamAway. The consumer is the broker's to forget: it has no state."""
    client = _DirectClient()
    delivery = Delivery(client)
    try:
        await _connect(client, url, delivery)
        await _consume(client, delivery, first)
        yield delivery
    except (NatsError, JetStreamError, OSError, TimeoutError) as error:
        raise StreamAway(f"the broker: {error or type(error).__name__}") from None
    finally:
        with suppress(NatsError, OSError):
            await client.close()


async def _connect(client: Client, url: str, delivery: Delivery) -> None:
    async def closed() -> None:
        delivery.interrupt(StreamAway("the connection to the broker broke"))

    async def complained(error: Exception) -> None:
        # A request that the broker's permissions forbid is otherwise only seen as a timeout.
        log.warning("NATS", error=repr(error))

    await client.connect(
        url, name="obverse-projector", inbox_prefix="_INBOX_proj", allow_reconnect=False, connect_timeout=2,
        error_cb=complained, closed_cb=closed, disconnected_cb=closed,
    )  # fmt: skip


async def _consume(client: "_DirectClient", delivery: Delivery, first: int) -> None:
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    client.delivery = (subscription._id, delivery)
    await client.jetstream(timeout=2).add_consumer(
        STREAM,
        ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=first,
            ack_policy=AckPolicy.NONE,
            flow_control=True,
            idle_heartbeat=HEARTBEAT_SECONDS,
            inactive_threshold=30.0,
            mem_storage=True,
            num_replicas=1,
        ),
    )
