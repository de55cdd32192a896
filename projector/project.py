"""Step 8, projected: one batch of records into every projection, in one round trip once the views are read."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError, Message

from projector.consume import Verified
from projector.events import Events
from projector.fold import Failed, Fold
from projector.runner import Runner
from projector.views import Checkpoint, Outcome, Step, Views, same_place


class CheckpointLost(Exception):
    """The store stands before what it had taken already: it was emptied, or came back older."""


class _Part:
    """What one projection makes of a batch."""

    def __init__(self, runner: Runner, records: Sequence[Verified], events: dict[int, Message | Exception]) -> None:
        self.runner = runner
        self.absent: list[str] = []
        self.failure: Failed | None = None
        self._records = records
        self._events = events
        self._begin()

    def _begin(self) -> None:
        """Fold the records up to the first that fails."""
        try:
            self.fold: Fold = self.runner.fold(self._records, self._events)
        except Failed as error:
            self._end_before(error)

    def _end_before(self, failure: Failed) -> None:
        self.failure = failure
        self.absent = []
        self._records = [each for each in self._records if each.position < failure.position]
        self.runner.forget()
        self._begin()

    def missing(self) -> dict[str, type[Message]]:
        while True:
            try:
                return self.fold.missing()
            except Failed as error:
                self._end_before(error)

    def learn(self, wanted: dict[str, type[Message]], found: Sequence[bytes | None]) -> None:
        views: dict[str, Message | None] = {}
        for (key, kind), content in zip(wanted.items(), found, strict=True):
            views[key] = None if content is None else kind.FromString(content)
            if content is None:
                self.absent.append(key)
        self.fold.learn(views)

    @property
    def step(self) -> Step | None:
        return self.runner.step(self.fold, self._records[-1], self.absent) if self._records else None

    def finish(self) -> None:
        if self.failure is not None:
            self.runner.stop(str(self.failure), self.failure.position, self.failure.type)


class Batches:
    """Projects batch after batch into the projections that are not stopped."""

    def __init__(self, views: Views, events: Events) -> None:
        self._views = views
        self._events = events

    async def project(self, records: Sequence[Verified], runners: Sequence[Runner]) -> None:
        """Apply records, verified and in order, to whoever has not seen them; raises ViewsAway, CheckpointLost."""
        events = self._events.of(records)
        late = list(runners)
        while late:
            parts = [part for runner in late if (part := self._part(runner, records, events)) is not None]
            await self._read(parts)
            late = await self._apply(parts)

    def _part(
        self, runner: Runner, records: Sequence[Verified], events: dict[int, Message | Exception]
    ) -> _Part | None:
        if runner.stopped or records[-1].position < runner.position:
            return None
        seen = runner.position - records[0].position + 1
        if seen > 0 and runner.checkpoint is not None and records[seen - 1].chain != runner.checkpoint.chain:
            here = records[seen - 1]
            runner.stop(
                "the log does not continue what was projected: it is another one", here.position, here.record.type
            )
            return None
        rest = records[max(0, seen) :]
        return _Part(runner, rest, events) if rest else None

    async def _read(self, parts: Sequence[_Part]) -> None:
        """Read what the folds lack, in as few rounds as they let it."""
        while wanted := [(part, keys) for part in parts if not part.runner.stopped and (keys := part.missing())]:
            places = [(part.runner.name, part.runner.generation, key) for part, keys in wanted for key in keys]
            found = await self._views.read(places)
            for part, keys in wanted:
                contents, found = found[: len(keys)], found[len(keys) :]
                try:
                    part.learn(keys, contents)
                except DecodeError as error:
                    part.runner.stop(f"one of the views {', '.join(keys)} cannot be read: {error}", 0, "")

    async def _apply(self, parts: Sequence[_Part]) -> list[Runner]:
        """Store what was folded; gives the runners that another projector was faster than."""
        steps = [(part, step) for part in parts if not part.runner.stopped and (step := part.step) is not None]
        outcomes = await self._views.apply([step for _, step in steps]) if steps else []
        late = [part.runner for (part, _), outcome in zip(steps, outcomes, strict=True) if not _taken(part, outcome)]
        for part in parts:
            if part.runner in late or part.runner.stopped:
                continue
            if part.failure is not None and await self._overtaken(part.runner):
                late.append(part.runner)
            else:
                part.finish()
        return late

    async def _overtaken(self, runner: Runner) -> bool:
        """Whether another projector was faster; then a record may have failed on views that are newer than it."""
        (place,) = await self._views.places([runner.name])
        if same_place(place.checkpoint, runner.checkpoint):
            return False
        _follow(runner, place.checkpoint)
        return True


def _taken(part: _Part, outcome: Outcome) -> bool:
    """Whether nothing is left to do about a step."""
    runner = part.runner
    if outcome.applied:
        runner.applied(part.fold, outcome)
        return True
    if outcome.misshapen:
        runner.stop(f"{outcome.misshapen} holds something else than it should; nothing was written", 0, "")
        return True
    _follow(runner, outcome.checkpoint)
    return False


def _follow(runner: Runner, stored: Checkpoint | None) -> None:
    """Go on from where another projector has come to."""
    if stored is None or stored.position <= runner.position:
        raise CheckpointLost(runner.name)
    runner.overtaken(stored)
