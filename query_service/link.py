"""Step 9: the connection to Redis or Valkey, and how long it may take.

LinkError
└── UnknownScript   the store was started again and has to be told the script
"""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Gone
from redis.exceptions import NoScriptError, RedisError

TIMEOUT_SECONDS = 0.25
"""For connecting, and for each answer."""
CONNECTIONS = 8


class LinkError(Exception):
    """No usable answer: the store is away, too slow, or refused."""


class UnknownScript(LinkError):
    """The store does not know the script."""


class Link:
    """Calls by name with their arguments; a connection that was lost is made anew once within a call."""

    def __init__(self, url: str) -> None:
        """`url` is redis://user:password@host:port/database; nothing is opened before the first call."""
        self._client = Redis.from_url(
            url,
            max_connections=CONNECTIONS,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1, supported_errors=(Gone,)),
            protocol=2,
        )

    async def call(self, *arguments: str | bytes) -> Any:
        """The answer, bytes undecoded; raises LinkError."""
        try:
            return await self._client.execute_command(*arguments)  # type: ignore[no-untyped-call]
        except NoScriptError as error:
            raise UnknownScript(str(error)) from error
        except (RedisError, OSError) as error:
            raise LinkError(f"The store of views does not answer: {error}") from error

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()
