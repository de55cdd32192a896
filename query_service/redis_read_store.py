"""Step 9: views in Redis or Valkey, one script call for all questions of a tick about one projection."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from query_service.answer import One
from query_service.link import Link, LinkError, UnknownScript
from query_service.notices import Watch
from query_service.read_store import FoundPage, FoundView, ReadStoreUnavailable, Slice
from query_service.standing import Standing, standing_of
from query_service.subscription import Subscription
from query_service.tick import Tick

SCRIPT = files("query_service").joinpath("read.lua").read_bytes()

Question = One | Slice | str
"""A view, a page, or only where the projection of that name stands."""
Found = FoundView | FoundPage | Standing
Asked = tuple[Question, asyncio.Future[Found]]


class RedisReadStore:
    """Fulfils ReadStore. Needs GET, HMGET, MGET, ZCARD, ZCOUNT, ZREVRANGE, EVALSHA_RO, SCRIPT LOAD, PSUBSCRIBE."""

    def __init__(self, link: Link, subscription: Subscription) -> None:
        """Both are opened and closed by whoever made them."""
        self._link = link
        self._subscription = subscription
        self._script = b""
        self._ticks: dict[str, Tick[Question, Found]] = {}
        self.listening = subscription.listening
        """Set while notifications are heard."""

    async def view(self, one: One) -> FoundView:
        """As ReadStore says."""
        found = await self._ask(one.projection, one)
        assert isinstance(found, FoundView)
        return found

    async def page(self, part: Slice) -> FoundPage:
        """As ReadStore says."""
        found = await self._ask(part.projection, part)
        assert isinstance(found, FoundPage)
        return found

    async def standing(self, projection: str) -> Standing:
        """As ReadStore says."""
        found = await self._ask(projection, projection)
        assert isinstance(found, Standing)
        return found

    def watch(self, projection: str) -> Watch:
        """As ReadStore says."""
        return self._subscription.notices.watch(projection)

    def _ask(self, projection: str, question: Question) -> asyncio.Future[Found]:
        tick = self._ticks.get(projection)
        if tick is None:
            tick = self._ticks[projection] = Tick(lambda asked: self._carry(projection, asked))
        return tick.ask(question)

    async def _carry(self, projection: str, asked: Sequence[Asked]) -> None:
        try:
            answer = await self._evaluate(projection, _arguments(projection, asked))
        except LinkError as error:
            raise ReadStoreUnavailable(str(error)) from error
        _settle(asked, answer)

    async def _evaluate(self, projection: str, arguments: list[str]) -> Any:
        """The script's answer; a store that was started again does not know the script and is told it."""
        try:
            return await self._link.call("EVALSHA_RO", self._script, "3", *_keys(projection), *arguments)
        except UnknownScript:
            self._script = await self._link.call("SCRIPT", "LOAD", SCRIPT)
            return await self._link.call("EVALSHA_RO", self._script, "3", *_keys(projection), *arguments)


@asynccontextmanager
async def open_redis_read_store(url: str) -> AsyncIterator[RedisReadStore]:
    """A store while the block runs; `url` is redis://user:password@host:port/database, which may be away by now."""
    link = Link(url)
    try:
        async with Subscription(url).open() as subscription:
            yield RedisReadStore(link, subscription)
    finally:
        link.close()


def _keys(projection: str) -> tuple[str, str, str]:
    return f"cp:{projection}", "cp:head", f"cp:{projection}:state"


def _arguments(projection: str, asked: Sequence[Asked]) -> list[str]:
    keys = [question.key for question, _ in asked if isinstance(question, One)]
    arguments = [projection, str(len(keys)), *keys]
    for part, _ in asked:
        if isinstance(part, Slice):
            scores = ("" if score is None else str(score) for score in (part.low, part.high, part.before))
            arguments += (part.index, *scores, str(part.skip), str(part.size))
    return arguments


def _settle(asked: Sequence[Asked], answer: Any) -> None:
    checkpoint, head, state, views, pages = answer
    standing = standing_of(checkpoint, head, state)
    next_view, next_page = iter(views), iter(pages)
    for question, waiting in asked:
        found: Found
        if isinstance(question, One):
            found = FoundView(standing, next(next_view))
        elif isinstance(question, Slice):
            found = _page(standing, question, next(next_page))
        else:
            found = standing
        if not waiting.done():
            waiting.set_result(found)


def _page(standing: Standing, part: Slice, found: Any) -> FoundPage:
    total, scores, views = found
    goes_on = len(scores) > part.size
    shown = tuple(view for view in views[: part.size] if view is not None)
    # By way of float: the store writes a large score as "7e+15" where that is shorter.
    return FoundPage(standing, shown, int(float(scores[part.size - 1])) if goes_on else None, total)
