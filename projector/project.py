"""Step 8, projected: one batch of records into every projection, in one round trip once the views are read."""

import time
from collections.abc import Sequence

from google.protobuf.message import DecodeError, Message

from projector.consume import Verified
from projector.events import Events
from projector.part import Part
from projector.runner import Runner
from projector.views import Checkpoint, Outcome, Views, same_place

IDLE_SECONDS = 0.02
"""How long a checkpoint that passes over other projections' records may stay behind while more of them wait."""


class CheckpointLost(Exception):
    """The store stands before what it had taken already: it was emptied, or came back older."""


class Batches:
    """Projects batch after batch into the projections that are not stopped."""

    def __init__(self, views: Views, events: Events) -> None:
        self._views = views
        self._events = events
        self._owed: Verified | None = None
        self._settled = 0.0

    async def project(self, records: Sequence[Verified], runners: Sequence[Runner], more: bool = False) -> None:
        """Apply records, verified and in order, to whoever has not seen them; raises ViewsAway, CheckpointLost.

        Where `more` records wait already, projections that none of these concerns may stay behind for IDLE_SECONDS:
        with many of them, moving each one's checkpoint for each batch costs more than all that is projected.
        """
        events = self._events.of(records)
        owing = more and time.monotonic() - self._settled < IDLE_SECONDS
        self._owed = records[-1] if owing else None
        late = list(runners)
        while late:
            parts = [part for runner in late if (part := self._part(runner, records, events)) is not None]
            concerned = [part for part in parts if not part.idle]
            await self._read(concerned)
            late = await self._apply(concerned)
            if not owing:
                late += await self._apply([part for part in parts if part.idle])
                self._settled = time.monotonic()

    async def settle(self, runners: Sequence[Runner]) -> None:
        """Bring up whoever stayed behind, when what was to come has not come; raises as `project` does."""
        if self._owed is not None:
            await self.project([self._owed], runners)

    def _part(self, runner: Runner, records: Sequence[Verified], events: dict[int, Message | Exception]) -> Part | None:
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
        return Part(runner, rest, events) if rest else None

    async def _read(self, parts: Sequence[Part]) -> None:
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

    async def _apply(self, parts: Sequence[Part]) -> list[Runner]:
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


def _taken(part: Part, outcome: Outcome) -> bool:
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
