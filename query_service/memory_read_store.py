"""Step 9: views in memory, for tests and for trying out a domain without a server."""

from collections.abc import Mapping

from query_service.answer import One
from query_service.notices import Notices, Watch
from query_service.read_store import FoundPage, FoundView, ReadStoreUnavailable, Slice
from query_service.standing import Standing


class MemoryReadStore:
    """Fulfils ReadStore; `apply` plays the projector's part."""

    def __init__(self) -> None:
        self.available = True
        """False makes every read raise ReadStoreUnavailable."""
        self._notices = Notices()
        self._standings: dict[str, Standing] = {}
        self._views: dict[tuple[str, str], bytes] = {}
        self._indexes: dict[tuple[str, str], dict[str, int]] = {}

    def apply(
        self,
        projection: str,
        standing: Standing,
        views: dict[str, bytes] | None = None,
        indexes: Mapping[str, Mapping[str, int | None]] | None = None,
    ) -> None:
        """Put views by key and index entries (score by view key, None takes it out, by index) beside a new standing,
        then notify."""
        for key, view in (views or {}).items():
            self._views[projection, key] = view
        for index, entries in (indexes or {}).items():
            scores = {**self._indexes.get((projection, index), {}), **entries}
            self._indexes[projection, index] = {key: score for key, score in scores.items() if score is not None}
        self._standings[projection] = standing
        self._notices.heard(projection, standing.epoch, standing.position)

    async def view(self, one: One) -> FoundView:
        """As ReadStore says."""
        return FoundView(await self.standing(one.projection), self._views.get((one.projection, one.key)))

    async def page(self, part: Slice) -> FoundPage:
        """As ReadStore says."""
        standing = await self.standing(part.projection)
        entries = self._indexes.get((part.projection, part.index), {})
        within = ((score, key) for key, score in entries.items() if _within(part, score))
        ordered = sorted(within, reverse=True)
        rest = [entry for entry in ordered if part.before is None or entry[0] < part.before][part.skip :]
        shown = rest[: part.size]
        views = tuple(self._views[part.projection, key] for _, key in shown)
        return FoundPage(standing, views, shown[-1][0] if len(rest) > part.size else None, len(ordered))

    async def standing(self, projection: str) -> Standing:
        """As ReadStore says."""
        if not self.available:
            raise ReadStoreUnavailable("the views in memory were made unavailable")
        return self._standings.get(projection, Standing())

    def watch(self, projection: str) -> Watch:
        """As ReadStore says."""
        return self._notices.watch(projection)


def _within(part: Slice, score: int) -> bool:
    return (part.low is None or part.low <= score) and (part.high is None or score < part.high)
