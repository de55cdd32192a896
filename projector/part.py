"""Step 8: what one projection makes of a batch, up to the record on which it fails, if there is one."""

from collections.abc import Sequence

from google.protobuf.message import Message

from projector.consume import Verified
from projector.fold import Failed, Fold
from projector.runner import Runner
from projector.views import Step


class Part:
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
    def idle(self) -> bool:
        return self.failure is None and self.fold.idle

    @property
    def step(self) -> Step | None:
        return self.runner.step(self.fold, self._records[-1], self.absent) if self._records else None

    def finish(self) -> None:
        if self.failure is not None:
            self.runner.stop(str(self.failure), self.failure.position, self.failure.type)
