"""Step 6, how many messages a worker may process, where `--limit` says so: never one more is claimed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from command_service.work_queue import Claimed


class Allowance:
    """Shared by the lanes of a worker."""

    def __init__(self, limit: int | None = None) -> None:
        """`limit` None: any number."""
        self.limit = limit
        self.spent = asyncio.Event()
        """Set once as many as allowed are processed."""
        self._taken = self._processed = 0
        self._one_at_a_time = asyncio.Lock()

    async def claim(
        self, most: int, claim: Callable[[int], Awaitable[Sequence[Claimed]]]
    ) -> tuple[int, Sequence[Claimed]]:
        """Claim through `claim` at most `most`, or what is left; gives how many were asked for, and what came."""
        if self.limit is None:
            return most, await claim(most)
        async with self._one_at_a_time:  # what one lane may ask for depends on what the other's asking brings
            most = min(most, self.limit - self._taken)
            claims = await claim(most) if most > 0 else ()
            self._taken += len(claims)
            return most, claims

    def processed(self) -> None:
        """One that was claimed has an outcome or was put off."""
        self._processed += 1
        if self._processed == self.limit:
            self.spent.set()

    def returned(self, count: int) -> None:
        """So many that were claimed are somebody else's to process."""
        self._taken -= count
