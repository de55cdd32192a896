"""How a process ends what it has started: for certain."""

import asyncio
from typing import Any


async def ended(task: "asyncio.Task[Any]") -> None:
    """Cancel a task until it has ended; its result or exception stays with it.

    Once is not enough: up to Python 3.11 asyncio.wait_for, which client libraries use for their timeouts, swallows a
    cancellation that comes together with what it waits for.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=1.0)
