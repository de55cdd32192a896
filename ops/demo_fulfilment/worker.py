"""Fulfilment demo, in the midst of step 4: the system's worker is killed, and comes back by itself."""

import asyncio
import signal
from pathlib import Path

from ops.output import Trouble
from ops.process import end_session
from ops.run_state import Running, RunState

_POLL_SECONDS = 0.1
_BACK_SECONDS = 60.0
_PATIENCE_SECONDS = 5.0


class Worker:
    """The worker of the system in a data folder, as that system's run state names it."""

    def __init__(self, data: Path) -> None:
        """Raises Trouble when nothing runs there: what is elsewhere cannot be killed from here."""
        self._data = data
        state = RunState.read(data)
        if state is None or not state.runs:
            raise Trouble(
                f"The servers answer but do not run in {data}, so this demo cannot kill their worker, nor see the "
                "sandbox's books and the mails: name their folder with OBVERSE_DATA, or stop them"
            )

    async def kill(self) -> int:
        """SIGKILL, as soon as it runs; the pid that it had. Raises Trouble for one that stays away."""
        running = await self._alive()
        await asyncio.to_thread(end_session, running.process, signal.SIGKILL, _PATIENCE_SECONDS)
        return running.process.pid

    async def _alive(self) -> Running:
        try:
            async with asyncio.timeout(_BACK_SECONDS):
                while True:
                    state = RunState.read(self._data)
                    running = state.named("worker") if state else None
                    if running is not None and running.alive:
                        return running
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise Trouble(f"No worker runs in {self._data}; see `obverse status` and `obverse logs worker`") from None
