"""Step 6, leases: what a worker has in hand stays its own for as long as it is at it."""

import asyncio

import structlog

from command_service.work_queue import Claimed, WorkQueue
from command_service.worker.outage import AWAY, Outage

log = structlog.get_logger()

ROUNDS = 4
"""How often a lease is renewed before it would end."""


class Leases:
    """The claims in hand, renewed in the background."""

    def __init__(self, queue: WorkQueue, seconds: float, outage: Outage) -> None:
        """`seconds` is how long a lease lasts."""
        self._queue = queue
        self.seconds = seconds
        self._outage = outage
        self._held: dict[str, Claimed] = {}
        self._missed: set[str] = set()

    def hold(self, claim: Claimed) -> None:
        """Renew this claim from now on."""
        self._held[claim.command_id] = claim

    def drop(self, claim: Claimed) -> None:
        """The attempt has ended."""
        if self._held.get(claim.command_id) is claim:
            del self._held[claim.command_id]
        self._missed.discard(claim.command_id)

    async def run(self) -> None:
        """Renew until cancelled. While the store is away nobody else can take anything over either."""
        wait = self.seconds / ROUNDS
        while True:
            await asyncio.sleep(wait)
            try:
                await self._renew()
                wait = self.seconds / ROUNDS
            except AWAY as error:
                wait = min(self._outage.seconds(error), self.seconds / ROUNDS)

    async def still_held(self, claim: Claimed) -> bool:
        """Whether a claim is this worker's still, asked as soon as the store answers; it is renewed then."""
        return claim.command_id in await self._outage.steady(lambda: self._queue.renew((claim,), self.seconds))

    async def _renew(self) -> None:
        asked = tuple(self._held.values())
        if not asked:
            return
        kept = await self._queue.renew(asked, self.seconds)
        for claim in asked:
            if claim.command_id not in kept and self._held.get(claim.command_id) is claim:
                self._missing(claim)

    def _missing(self, claim: Claimed) -> None:
        """Its outcome may have been on its way just then: it is lost when it is missing a second time."""
        if claim.command_id not in self._missed:
            self._missed.add(claim.command_id)
            return
        self.drop(claim)
        log.warning(
            "a lease is lost: another worker may carry the command out too, only the first outcome counts",
            command_id=claim.command_id,
            channel=claim.channel,
            attempt=claim.attempt,
        )
