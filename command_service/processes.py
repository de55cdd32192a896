"""Step 6: every process manager of the worker, in a visible list."""

from collections.abc import Iterable

from command_service.domains import shop
from command_service.domains.shop.fulfilment import STEP_SECONDS
from command_service.process import Process


def processes(shop_fulfilment: shop.Variant = "saga", shop_step_seconds: float = STEP_SECONDS) -> tuple[Process, ...]:
    """The process managers of a deployment."""
    return shop.variant(shop_fulfilment, shop_step_seconds)[1]


PROCESSES: tuple[Process, ...] = processes()
"""The process managers where nothing else is set."""


class DuplicateProcess(Exception):
    """Two process managers have one name, so they would write each other's streams."""

    def __init__(self, one: Process, other: Process) -> None:
        def where(process: Process) -> str:
            return f"{process.react.__module__}.{process.react.__qualname__}"

        super().__init__(
            f"The process manager {one.name!r} is listed twice, with {where(one)} and with {where(other)}: their"
            " instances would share their streams. Give one of them another category, or take it off the list in"
            " command_service/processes.py."
        )


class UnusableName(Exception):
    """A process manager's name would not stand apart from its instance's id in the name of a stream."""

    def __init__(self, process: Process) -> None:
        super().__init__(
            f"The process manager {process.name!r} has '-' or '/' in its name, which end it in the names of streams and"
            " timers: use letters, digits, '.' and '_'."
        )


def checked(processes: Iterable[Process]) -> tuple[Process, ...]:
    """The process managers, each name and so each kind of stream once; raises DuplicateProcess naming both."""
    by_name: dict[str, Process] = {}
    for process in processes:
        if process.name in by_name:
            raise DuplicateProcess(by_name[process.name], process)
        if "-" in process.name or "/" in process.name:
            raise UnusableName(process)
        by_name[process.name] = process
    return tuple(by_name.values())
