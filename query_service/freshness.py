"""Step 9: an answer as fresh as its caller asks for, waited for no longer than its caller allows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from cqrs.common.v1.common_pb2 import ConsistencyToken, ReadConsistency
from cqrs.common.v1.errors_pb2 import (
    PLATFORM_ERROR_EPOCH_MISMATCH,
    PLATFORM_ERROR_NOT_CAUGHT_UP,
    PLATFORM_ERROR_REBUILDING,
)

from query_service.metrics import WAIT_SECONDS
from query_service.notices import Watch
from query_service.read_store import FoundPage, FoundView
from query_service.standing import Standing
from runtime.call import refuse
from runtime.refusals import Refused

DEFAULT_WAIT_SECONDS = 5.0
LARGEST_WAIT_SECONDS = 30.0
"""As the contract of ReadConsistency says."""
ANSWER_SECONDS = 0.05
"""What is kept of a caller's deadline to answer in."""
LOOK_AGAIN_SECONDS = 1.0
"""How long a lost notification can go unnoticed."""
RETRY_SECONDS = 0.5
"""When a caller whose answer was not fresh enough is told to ask again."""

Found = TypeVar("Found", FoundView, FoundPage)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a caller asks of an answer's freshness."""

    token: ConsistencyToken | None = None
    version: int | None = None
    wait_seconds: float = DEFAULT_WAIT_SECONDS
    allow_stale: bool = False

    @classmethod
    def of(cls, consistency: ReadConsistency, remaining: float) -> "Demand":
        """The demand of a request that has so many seconds left before its deadline."""
        wait = DEFAULT_WAIT_SECONDS
        if consistency.HasField("max_wait"):
            wait = consistency.max_wait.seconds + consistency.max_wait.nanos / 1e9
        kind = consistency.WhichOneof("at_least")
        return cls(
            consistency.at_least_token if kind == "at_least_token" else None,
            consistency.at_least_version if kind == "at_least_version" else None,
            max(0.0, min(wait, remaining - ANSWER_SECONDS)),
            consistency.allow_stale,
        )

    @property
    def eventual(self) -> bool:
        """Whether any answer is fresh enough."""
        return self.token is None and self.version is None

    def met(self, standing: Standing, version: Callable[[], int]) -> bool:
        """Whether an answer of this standing is fresh enough; raises EPOCH_MISMATCH."""
        if self.token is not None:
            _same_epoch(self.token, standing)
            return standing.position >= self.token.position and self.token.epoch in (standing.epoch, "")
        return version() >= self.version if self.version is not None else not standing.rebuilding

    def target(self, standing: Standing) -> tuple[str, int]:
        """The epoch and position at which to look again; for a version, whatever comes next."""
        if self.token is not None:
            return self.token.epoch, self.token.position
        return standing.epoch, standing.position + 1


EVENTUAL = Demand()


async def read_fresh(
    demand: Demand,
    watch: Callable[[], Watch],
    read: Callable[[], Awaitable[Found]],
    version: Callable[[Found], int],
) -> tuple[Found, bool]:
    """(what `read` finds once it is fresh enough, whether it is stale).

    Raises NOT_CAUGHT_UP, REBUILDING and EPOCH_MISMATCH as Refused, and what `read` raises.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        listening = watch()
        found = await read()
        if demand.met(found.standing, partial(version, found)):
            return found, False
        left = demand.wait_seconds - (clock() - began)
        if demand.eventual or left <= 0:
            return _older(found, demand), True
        with WAIT_SECONDS.time():
            await listening.reached(*demand.target(found.standing), min(left, LOOK_AGAIN_SECONDS))


def _older(found: Found, demand: Demand) -> Found:
    """What was found although it is not as fresh as asked, where the caller allows that; else the refusal."""
    if not demand.allow_stale:
        raise _rebuilding(found.standing) if found.standing.rebuilding else _not_caught_up(found.standing, demand)
    return found


def _same_epoch(token: ConsistencyToken, standing: Standing) -> None:
    known = standing.current_epoch
    if known and token.epoch != known and (token.epoch or token.position):
        raise refuse(
            PLATFORM_ERROR_EPOCH_MISMATCH,
            f"The token is of epoch {token.epoch!r}, the log is in epoch {known!r}: read without a token",
        )


def _rebuilding(standing: Standing) -> Refused:
    return refuse(
        PLATFORM_ERROR_REBUILDING,
        f"The views are being rebuilt and are at position {standing.position} of {standing.head_position}: "
        "call again, or allow a stale answer",
        retry_seconds=RETRY_SECONDS,
    )


def _not_caught_up(standing: Standing, demand: Demand) -> Refused:
    asked = f"version {demand.version}" if demand.token is None else f"position {demand.token.position}"
    return refuse(
        PLATFORM_ERROR_NOT_CAUGHT_UP,
        f"The views are at position {standing.position} and did not reach {asked} in {demand.wait_seconds:.3g} s: "
        "call again, or allow a stale answer",
        retry_seconds=RETRY_SECONDS,
        position=str(standing.position),
    )
