"""Bodies for the load client's tests."""

import itertools
from collections.abc import Iterator, Sequence


def numbered() -> Iterator[bytes]:
    """300 bytes each, no two the same."""
    return (f"{number:0300d}".encode() for number in itertools.count())


def marked(answer: bytes) -> bytes:
    """A request made from one answer."""
    return b"after " + answer


def last(answers: Sequence[bytes]) -> bytes:
    """A request made from the newest answer."""
    return b"last " + answers[-1]
