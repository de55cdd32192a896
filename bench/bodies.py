"""Step 0: the requests that the load sends, serialised, each iterator endless and cheap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator


def zeros(size: int) -> Iterator[bytes]:
    """The same `size` zero bytes for ever."""
    return itertools.repeat(bytes(size))
