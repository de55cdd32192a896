"""The relay's connection to the broker; it never comes back by itself: after a break nobody knows what was stored."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import nats
import structlog
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError
from nats.js.errors import Error as JetStreamError

from command_service.relay.errors import Refused, StreamAway, StreamGone
from command_service.relay.stream import LogStream

log = structlog.get_logger()


@asynccontextmanager
async def connected(url: str, ack_seconds: float) -> AsyncIterator[LogStream]:
    """A connection to the broker; raises StreamAway where there is none."""
    opened: list[LogStream] = []

    async def closed() -> None:
        for stream in opened:
            stream.lost()

    async def complained(error: Exception) -> None:
        # A request that the broker's permissions forbid is otherwise only seen as a timeout.
        log.warning("NATS", error=repr(error))

    with translated():
        client = await nats.connect(
            url, name="obverse-relay", inbox_prefix="_INBOX_relay", allow_reconnect=False, connect_timeout=2,
            pending_size=64 * 1024, error_cb=complained, closed_cb=closed, disconnected_cb=closed,
        )  # fmt: skip
    opened.append(LogStream(client, ack_seconds, translated))
    try:
        with translated():
            await opened[0].listen()
        yield opened[0]
    finally:
        opened[0].lost()
        with suppress(NatsError, OSError):
            await client.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the client raises into what the relay names."""
    try:
        yield
    except NotFoundError as error:
        raise StreamGone(str(error)) from None
    except APIError as error:
        raise Refused(f"{error.err_code} {error.description}") from None
    except (NatsError, JetStreamError, OSError, TimeoutError) as error:
        raise StreamAway(f"the broker does not answer: {error or type(error).__name__}") from None
