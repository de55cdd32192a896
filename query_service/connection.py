"""Step 9: one connection to Redis or Valkey; calls are pipelined by themselves, their answers come back in order."""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis
from redis.connection import parse_url

TIMEOUT_SECONDS = 0.25
"""For connecting, and for each answer."""

_PARTIAL = object()


class Broken(OSError):
    """The connection ended, could not be made, or an answer took longer than TIMEOUT_SECONDS."""


class Answered(Exception):
    """The store answered with an error; the text is the store's."""


class Connection(asyncio.Protocol):
    """Sends at once and parses with hiredis: redis-py costs several times as much for each call."""

    def __init__(self, pushed: Callable[[list[Any]], None] | None = None) -> None:
        """`pushed` takes what comes unasked: notifications, as [b"pmessage", pattern, channel, message]."""
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_PARTIAL)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._transport: asyncio.Transport | None = None
        self._pushed = pushed
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection has ended."""

    async def call(self, *arguments: str | bytes) -> Any:
        """The answer, bytes undecoded; raises Broken, Answered."""
        if self._transport is None or self.closed.done():
            raise Broken("the connection is closed")
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(answer)
        self._transport.write(hiredis.pack_command(arguments))  # type: ignore[arg-type]  # its stub takes one argument
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await answer
        except TimeoutError:
            self.abort()
            raise Broken(f"no answer in {TIMEOUT_SECONDS} s") from None

    def abort(self) -> None:
        """End the connection now, for every call that comes from here on; what waits for an answer gets Broken."""
        self._end()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not _PARTIAL:
            if self._pushed is not None and isinstance(reply, list) and reply[0] == b"pmessage":
                self._pushed(reply)
            else:
                self._settle(self._waiting.popleft(), reply)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the event loop."""
        self._end()
        while self._waiting:
            self._settle(self._waiting.popleft(), Broken(f"the connection was lost: {error or 'the store closed it'}"))

    def _end(self) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    @staticmethod
    def _settle(answer: asyncio.Future[Any], reply: Any) -> None:
        if answer.done():
            return
        if isinstance(reply, hiredis.ReplyError):
            answer.set_exception(Answered(str(reply)))
        elif isinstance(reply, Broken):
            answer.set_exception(reply)
        else:
            answer.set_result(reply)


async def connect(url: str, pushed: Callable[[list[Any]], None] | None = None) -> Connection:
    """A connection that is signed in; `url` is redis[s]://user:password@host:port/database. Raises Broken, Answered."""
    place = parse_url(url)  # type: ignore[no-untyped-call]  # the library is untyped there
    secure = ssl.create_default_context() if url.startswith("rediss:") else None
    made = asyncio.get_running_loop().create_connection(
        lambda: Connection(pushed), place.get("host", "127.0.0.1"), place.get("port", 6379), ssl=secure
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            _, connection = await made
    except OSError as error:
        raise Broken(f"no connection: {error or f'none in {TIMEOUT_SECONDS} s'}") from error
    with contextlib.ExitStack() as stack:
        stack.callback(connection.abort)
        if "password" in place:
            await connection.call("AUTH", place.get("username", "default"), place["password"])
        if place.get("db"):
            await connection.call("SELECT", str(place["db"]))
        stack.pop_all()
    return connection
