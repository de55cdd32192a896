"""Demo, beside step 4: how far it is: a bar on a terminal, elsewhere a line every few seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ops.output import Output

_LINE_SECONDS = 5.0


@contextmanager
def progress(output: Output, title: str, total: int) -> Iterator[Callable[[], None]]:
    """Gives what to call for every piece that is done."""
    if output.as_json or not sys.stdout.isatty():
        yield _lines(output, title, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


def _lines(output: Output, title: str, total: int) -> Callable[[], None]:
    done = 0
    due = time.monotonic() + _LINE_SECONDS

    def advance() -> None:
        nonlocal done, due
        done += 1
        if time.monotonic() >= due:
            due = time.monotonic() + _LINE_SECONDS
            output.line(f"{title}: {done:,} of {total:,}")

    return advance
