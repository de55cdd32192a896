"""Step 9, the port: what the query side needs of the store of views; every question costs one round trip.

ReadStoreError
└── ReadStoreUnavailable   the store is away or too slow: nothing is known, asking again is harmless
"""

from dataclasses import dataclass
from typing import Protocol

from query_service.answer import One
from query_service.notices import Watch
from query_service.standing import Standing


class ReadStoreError(Exception):
    """The store gave no answer."""


class ReadStoreUnavailable(ReadStoreError):
    """The store is away or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of an index, highest score first."""

    projection: str
    index: str
    """E.g. "customer:7"."""
    before: int | None
    """Only entries of a lower score; None begins with the highest."""
    skip: int
    """How many entries to pass over from there."""
    size: int
    """How many entries at most, at least 1."""
    low: int | None = None
    """Only entries of this score or a higher one; None for no bound."""
    high: int | None = None
    """Only entries of a lower score than this; None for no bound."""


@dataclass(frozen=True, slots=True)
class FoundView:
    """One view, at one moment of the projection."""

    standing: Standing
    view: bytes | None
    """The serialised view; None where there is none."""


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A stretch of an index and the views behind it, at one moment of the projection."""

    standing: Standing
    views: tuple[bytes, ...]
    next: int | None
    """`before` of the slice that goes on here; None at the end of the index."""
    total: int
    """How many entries the index has within the bounds."""


class ReadStore(Protocol):
    """The views as the projector left them; each answer is of one moment, never half of a batch."""

    async def view(self, one: One) -> FoundView:
        """One view by its key; raises ReadStoreUnavailable."""

    async def page(self, part: Slice) -> FoundPage:
        """A stretch of an index with its views; an unknown index is empty. Raises ReadStoreUnavailable."""

    async def standing(self, projection: str) -> Standing:
        """Where a projection stands; raises ReadStoreUnavailable."""

    def watch(self, projection: str) -> Watch:
        """Begin to listen for what is applied; take it before the read whose answer may not be fresh enough."""
