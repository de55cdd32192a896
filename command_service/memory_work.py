"""Step 6, in memory: both ports of the worker, and what process managers keep."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from command_service.memory_event_log import MemoryEventLog
from command_service.memory_queue import MemoryQueue
from command_service.work_queue import DueTimer


class MemoryProcessStore:
    """The ProcessStore port on the timers of a MemoryEventLog."""

    def __init__(self, log: MemoryEventLog) -> None:
        self._kept = log.tables

    @asynccontextmanager
    async def alone(self, process: str) -> AsyncIterator[bool]:
        """Be the one runner of a process manager; gives False when somebody else is."""
        if process in self._kept.alone:
            yield False
            return
        self._kept.alone.add(process)
        try:
            yield True
        finally:
            self._kept.alone.discard(process)

    async def checkpoint(self, process: str) -> int:
        """The position up to which it has reacted; 0 at first."""
        return self._kept.checkpoints.get(process, 0)

    async def save_checkpoint(self, process: str, position: int) -> None:
        """Note how far it has come; never back."""
        self._kept.checkpoints[process] = max(position, self._kept.checkpoints.get(process, 0))

    async def due_timers(self, process: str, limit: int) -> Sequence[DueTimer]:
        """Its timers whose time has come, the earliest first."""
        moment = self._kept.now()
        return [timer for timer in self._timers(process) if timer.due_time <= moment][:limit]

    async def next_timer(self, process: str) -> float | None:
        """Seconds until its next timer is due."""
        timers = self._timers(process)
        return max(0.0, (timers[0].due_time - self._kept.now()).total_seconds()) if timers else None

    def _timers(self, process: str) -> list[DueTimer]:
        timers = (timer for timer in self._kept.timers.values() if timer.process == process)
        return sorted(timers, key=lambda timer: (timer.due_time, timer.position))


class MemoryWork(MemoryQueue, MemoryProcessStore):
    """The WorkQueue and the ProcessStore ports on one log; several of them are several workers."""

    def __init__(self, log: MemoryEventLog) -> None:
        MemoryQueue.__init__(self, log)
        MemoryProcessStore.__init__(self, log)
