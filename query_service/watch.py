"""Step 9: how every watch is answered: the view as it is, then its newest state after each change."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from google.protobuf.message import Message

from query_service.answer import One, Watching
from query_service.freshness import EVENTUAL, Demand, read_fresh
from query_service.metadata import describe, unavailable_when_away, version_of
from query_service.metrics import STALE
from query_service.read_store import FoundView, ReadStore
from query_service.standing import Standing
from runtime.call import Call

LOOK_AGAIN_SECONDS = 10.0
"""How long a lost notification can go unnoticed; a store that comes or goes is noticed at once."""
REST_SECONDS = 0.0001
"""A notice wakes every watch of its projection. Between two looks of one there lies at least this for each watch of
its RPC, so that all of them look no more than 10,000 times a second, a fifth of what the process can do."""

log = structlog.get_logger()


class Watcher:
    """Answers one watching RPC from the store."""

    def __init__(self, watching: Watching, store: ReadStore) -> None:
        self._watching = watching
        self._store = store
        self._watches = 0
        self._stale = STALE.labels(watching.rpc)
        self._log = log.bind(query=watching.rpc.rpartition(".")[2])

    async def handle(self, request: Any, call: Call) -> AsyncIterator[Message]:
        """The messages, complete, each the newest state when its reader is ready for it; raises Refused."""
        one = self._watching.read(request)
        demand = Demand.of(request.consistency, call.remaining()) if request.HasField("consistency") else EVENTUAL
        with unavailable_when_away(self._log), self._counted():
            found, stale = await self._first(one, demand)
            shown = 0
            while True:
                view: Any = None if found.view is None else one.type.FromString(found.view)
                response: Any = self._watching.respond(request, view)
                version = view.version if view is not None else shown
                response.skipped = max(0, version - shown - 1) if shown else 0
                describe(response, found.standing, stale)
                self._tell(one, found, response.skipped, stale)
                yield response
                if view is not None and self._watching.last(view):
                    return
                found, stale, shown = await self._next(one, found), False, version

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._watches += 1
        try:
            yield
        finally:
            self._watches -= 1

    async def _first(self, one: One, demand: Demand) -> tuple[FoundView, bool]:
        return await read_fresh(
            demand,
            lambda: self._store.watch(one.projection),
            lambda: self._store.view(one),
            lambda found: version_of(one, found),
        )

    async def _next(self, one: One, shown: FoundView) -> FoundView:
        """The view once it is another one; views that went back, to be folded again, are waited for."""
        seen = Demand(token=shown.standing.token)
        clock = asyncio.get_running_loop().time
        while True:
            listening = self._store.watch(one.projection)
            found = await self._store.view(one)
            if found.view != shown.view and seen.met(found.standing, lambda: 0):
                return found
            rested = clock() + REST_SECONDS * self._watches
            await listening.reached(*_beyond(found.standing), LOOK_AGAIN_SECONDS)
            await asyncio.sleep(rested - clock())

    def _tell(self, one: One, found: FoundView, skipped: int, stale: bool) -> None:
        if stale:
            self._stale.inc()
        self._log.info(
            "query answered",
            view=f"{one.projection} {one.key}",
            found=found.view is not None,
            bytes=len(found.view or b""),
            position=found.standing.position,
            skipped=skipped,
        )


def _beyond(standing: Standing) -> tuple[str, int]:
    return standing.epoch, standing.position + 1
