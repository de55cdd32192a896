"""Step 6, beside the lanes: what else a worker runs, such as a process manager."""

from collections.abc import Mapping
from typing import Any, Protocol

import structlog

log = structlog.get_logger()


class Runner(Protocol):
    """Runs until it is cancelled."""

    async def run(self) -> None:
        """Do its work; when the store is away it waits for it itself."""

    def status(self) -> Mapping[str, Any]:
        """What /status shows of it; called in another thread, so it must only read."""


async def alone(runner: Runner) -> None:
    """Run it so that its end ends nothing else."""
    try:
        await runner.run()
    except Exception:  # whatever stopped it, the lanes go on
        log.exception("a process manager stopped; the commands go on", status=str(dict(runner.status())))
