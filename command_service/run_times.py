"""Step 6: how long attempts ran, in classes fine enough for a median and coarse enough to be counted."""

from bisect import bisect_left
from collections.abc import Iterator

_LONGEST_MILLIS = 1_000_000_000


def bound_of(run_millis: int) -> int:
    """The bound of the class that a duration in milliseconds falls into: the least one that is not below it.

    Bounds are exact up to 10 ms and grow by a fifth or less after that; the last one takes what is longer.
    """
    return BOUNDS[min(bisect_left(BOUNDS, run_millis), len(BOUNDS) - 1)]


def _bounds() -> Iterator[int]:
    bound = 0
    while bound < _LONGEST_MILLIS:
        yield bound
        bound = max(bound + 1, bound * 6 // 5)
    yield bound


BOUNDS = tuple(_bounds())
