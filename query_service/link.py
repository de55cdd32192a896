"""Step 9: calls to the store of views over a connection that is made when it is needed and again when it was lost.

LinkError
└── UnknownScript   the store was started again and has to be told the script
"""

import asyncio
from typing import Any

from query_service.connection import Answered, Broken, Connection, connect


class LinkError(Exception):
    """No usable answer: the store is away, too slow, or refused."""


class UnknownScript(LinkError):
    """The store does not know the script."""


class Link:
    """Calls that only read, by name with their arguments; one whose connection breaks is made again, once."""

    def __init__(self, url: str) -> None:
        """`url` is redis[s]://user:password@host:port/database; nothing is opened before the first call."""
        self._url = url
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def call(self, *arguments: str | bytes) -> Any:
        """The answer, bytes undecoded; raises LinkError within a second."""
        try:
            try:
                return await self._once(arguments)
            except Broken:  # reading again is harmless, and what broke may be this connection alone
                return await self._once(arguments)
        except Answered as error:
            kind = UnknownScript if str(error).startswith("NOSCRIPT") else LinkError
            raise kind(f"The store of views refuses: {error}") from error
        except Broken as error:
            raise LinkError(f"The store of views does not answer: {error}") from error

    async def _once(self, arguments: tuple[str | bytes, ...]) -> Any:
        connection = self._connection
        if connection is None or connection.closed.done():
            connection = await self._connected()
        return await connection.call(*arguments)

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.closed.done():
                self._connection = await connect(self._url)
            return self._connection

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.abort()
