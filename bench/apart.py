"""Beside the flow: one function carried out in a fresh process, which shares no interpreter with what it measures."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from typing import TypeVar, cast

T = TypeVar("T")


class ApartError(RuntimeError):
    """The function raised, died or took too long in its process; says which."""


def apart(seconds: float, function: Callable[..., T], *arguments: object) -> T:
    """What `function(*arguments)` returns; both must be picklable. ApartError after so many seconds at the latest."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(there, function, arguments), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(seconds):
            raise ApartError(f"{function.__name__} did not end within {seconds:.0f} s.")
        good, outcome = here.recv()
    except EOFError as lost:
        raise ApartError(f"The process of {function.__name__} died without a result.") from lost
    finally:
        process.kill()
        process.join()
    if not good:
        raise ApartError(str(outcome))
    return cast(T, outcome)


def _child(pipe: Pipe, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    try:
        pipe.send((True, function(*arguments)))
    except Exception as failure:  # noqa: BLE001  # whatever it is, the parent is told and raises
        last = traceback.extract_tb(failure.__traceback__)[-1]
        pipe.send((False, f"{type(failure).__name__}: {failure} ({last.filename}:{last.lineno})"))
