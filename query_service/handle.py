"""Step 9: how every query is answered: read once, as fresh as asked, fill the response, say how fresh it is."""

from typing import Any

import structlog
from google.protobuf.message import Message

from query_service.answer import Answer, Last, One, Page, Top
from query_service.freshness import EVENTUAL, Demand, read_fresh
from query_service.metadata import describe, unavailable_when_away, version_of
from query_service.metrics import STALE
from query_service.paging import slice_of, token_of
from query_service.read_store import FoundPage, ReadStore, Slice
from query_service.standing import Standing
from runtime.call import Call
from runtime.validation import invalid

log = structlog.get_logger()


class Handler:
    """Answers one query RPC from the store."""

    def __init__(self, answer: Answer, store: ReadStore) -> None:
        self._answer = answer
        self._store = store
        self._name = answer.rpc.rpartition(".")[2]
        self._stale = STALE.labels(answer.rpc)
        self._log = log.bind(query=self._name)  # bound once: a new logger for each line costs as much as the line

    async def handle(self, request: Any, call: Call) -> Message:
        """The response, complete; raises Refused."""
        asked = self._answer.read(request)
        demand = Demand.of(request.consistency, call.remaining()) if request.HasField("consistency") else EVENTUAL
        with unavailable_when_away(self._log):
            if isinstance(asked, One):
                return await self._one(request, asked, demand)
            if isinstance(asked, Last):
                return await self._last(request, asked, demand)
            if isinstance(asked, Top):
                return await self._top(request, asked, demand)
            return await self._page(request, asked, demand)

    async def _one(self, request: Any, one: One, demand: Demand) -> Message:
        found, stale = await read_fresh(
            demand,
            lambda: self._store.watch(one.projection),
            lambda: self._store.view(one),
            lambda found: version_of(one, found),
        )
        view = None if found.view is None else one.type.FromString(found.view)
        self._log.info(
            "query answered",
            view=f"{one.projection} {one.key}",
            found=view is not None,
            bytes=len(found.view or b""),
            position=found.standing.position,
        )
        response = self._answer.respond(request, view)
        self._describe(response, found.standing, stale)
        return response

    async def _last(self, request: Any, last: Last, demand: Demand) -> Message:
        part = Slice(last.projection, last.index, before=last.below, skip=0, size=1)
        found, stale = await self._slice(part, demand)
        view = last.type.FromString(found.views[0]) if found.views else None
        response = self._answer.respond(request, view)
        self._describe(response, found.standing, stale)
        return response

    async def _top(self, request: Any, top: Top, demand: Demand) -> Message:
        part = Slice(top.projection, top.index, None, skip=0, size=top.size, low=top.low, high=top.high)
        found, stale = await self._slice(part, demand)
        response = self._answer.respond(request, [top.type.FromString(view) for view in found.views])
        self._describe(response, found.standing, stale)
        return response

    async def _page(self, request: Any, page: Page, demand: Demand) -> Message:
        found, stale = await self._slice(slice_of(self._answer.rpc, page, request), demand)
        response: Any = self._answer.respond(request, [page.type.FromString(view) for view in found.views])
        response.next_page_token = token_of(self._answer.rpc, page, found.next)
        response.total_size = found.total
        self._describe(response, found.standing, stale)
        return response  # type: ignore[no-any-return]  # paging fields are not known to Message

    async def _slice(self, part: Slice, demand: Demand) -> tuple[FoundPage, bool]:
        """A stretch of an index, and whether it is older than asked for."""
        if demand.version is not None:
            text = "A list cannot be asked for a version of one aggregate: ask with a token"
            raise invalid([("consistency.at_least_version", text)])
        found, stale = await read_fresh(
            demand, lambda: self._store.watch(part.projection), lambda: self._store.page(part), _no_version
        )
        self._log.info(
            "query answered",
            view=f"{part.projection} {part.index}",
            views=len(found.views),
            bytes=sum(map(len, found.views)),
            position=found.standing.position,
        )
        return found, stale

    def _describe(self, response: Any, standing: Standing, stale: bool) -> None:
        describe(response, standing, stale)
        if stale:
            self._stale.inc()


def _no_version(_found: FoundPage) -> int:
    raise AssertionError("lists refuse at_least_version before they read")
