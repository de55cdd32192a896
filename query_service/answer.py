"""What a domain fulfils for queries: which view or index answers a request, and how the response is filled from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message


@dataclass(frozen=True, slots=True)
class One:
    """Read one view."""

    projection: str
    """E.g. "shop.orders"."""
    type: type[Message]
    key: str
    """E.g. "order:1"."""


@dataclass(frozen=True, slots=True)
class Page:
    """Read a page of views through an index, highest score first; the request carries page_size, page_token, skip."""

    projection: str
    type: type[Message]
    index: str
    """E.g. "customer:7"."""
    low: int | None = None
    """Only entries of this score or a higher one; None for no bound."""
    high: int | None = None
    """Only entries of a lower score than this; None for no bound."""


@dataclass(frozen=True, slots=True)
class Last:
    """Read the one view with the highest score of an index below a bound; `respond` gets it, or None."""

    projection: str
    type: type[Message]
    index: str
    """E.g. "account:7"."""
    below: int
    """Only entries of a lower score than this."""


@dataclass(frozen=True, slots=True)
class Top:
    """Read so many views of the highest scores of an index, highest first, without pages; `respond` gets them all."""

    projection: str
    type: type[Message]
    index: str
    """E.g. "days"."""
    size: int
    """How many at most, at least 1."""
    low: int | None = None
    """Only entries of this score or a higher one; None for no bound."""
    high: int | None = None
    """Only entries of a lower score than this; None for no bound."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one query RPC is answered; the server adds consistency, paging and metadata."""

    rpc: str
    """Full name, e.g. "cqrs.shop.v1.OrderQueryService.GetOrder"."""
    read: Callable[[Any], One | Page | Last | Top]
    """request → what to read; raises Refused."""
    respond: Callable[[Any, Any], Message]
    """(request, view or None | list of views) → response as stored, without metadata; raises Refused."""


@dataclass(frozen=True, slots=True)
class Watching:
    """How one query RPC that streams is answered: the view, then its newest state after each change.

    The server adds consistency, metadata, and `skipped`: how many versions of the view were passed over.
    """

    rpc: str
    """Full name, e.g. "cqrs.admin.v1.CommandQueryService.WatchCommand"."""
    read: Callable[[Any], One]
    """request → the view to watch; the view has a `version`."""
    respond: Callable[[Any, Any], Message]
    """(request, view or None) → one message of the stream, without metadata and `skipped`; raises Refused."""
    last: Callable[[Any], bool] = lambda _view: False
    """view → whether it is final: the stream ends with it. By default it ends only with its caller."""
