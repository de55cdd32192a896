"""Step 9: what every answer says of itself: how fresh it is, or that the store of views is away."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cqrs.common.v1.common_pb2 import ReadMetadata
from cqrs.common.v1.errors_pb2 import PLATFORM_ERROR_STORE_UNAVAILABLE

from query_service.answer import One
from query_service.read_store import FoundView, ReadStoreUnavailable
from query_service.standing import Standing
from runtime.call import refuse

RETRY_SECONDS = 0.5
"""When a caller is told to ask again while the store is away."""


def describe(response: Any, standing: Standing, stale: bool) -> None:
    """Fill a response's ReadMetadata."""
    metadata: ReadMetadata = response.metadata
    metadata.as_of.epoch = standing.epoch
    metadata.as_of.position = standing.position
    metadata.stale = stale
    lag = standing.lag_seconds(time.time())
    if lag is not None:
        metadata.lag.seconds, metadata.lag.nanos = int(lag), int(lag % 1 * 1e9)


def version_of(one: One, found: FoundView) -> int:
    """The version of the aggregate that a view shows; 0 where there is none."""
    if found.view is None:
        return 0
    view: Any = one.type.FromString(found.view)
    return int(view.version)


@contextmanager
def unavailable_when_away(log: Any) -> Iterator[None]:
    """What the store does not answer reaches the caller as STORE_UNAVAILABLE, and the log."""
    try:
        yield
    except ReadStoreUnavailable as error:
        log.warning("the store of views is away", error=str(error))
        text = "The store of the views does not answer: call again"
        raise refuse(PLATFORM_ERROR_STORE_UNAVAILABLE, text, retry_seconds=RETRY_SECONDS) from error
