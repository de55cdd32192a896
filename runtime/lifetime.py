"""How long a process runs: until SIGTERM or SIGINT, on uvloop, with its settings checked first."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from runtime.settings import SettingsError


async def until_stopped() -> None:
    """Return at the first SIGTERM or SIGINT; a second one ends the process as usual."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await stopped.wait()


def run(main: Callable[[], Coroutine[Any, Any, None]], *faults: type[Exception]) -> None:
    """Run a process's main; what a user can put right (bad settings, a taken port, `faults`) ends it with one clear
    message and exit status 2."""
    understood: tuple[type[Exception], ...] = (SettingsError, OSError, *faults)
    # What was imported stays for good, and messages die by their count: looking for cycles as often as by default costs
    # a server 3 % of its time.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        uvloop.run(main())
    except understood as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(2)
