"""Step 6, one claimed command: carried out until it has an outcome or is put off, however often the store goes away."""

import asyncio

import structlog

from command_service.channels import Channels
from command_service.endings import Ended, PutOff
from command_service.execute import Executor
from command_service.work import kept
from command_service.work_queue import Claimed, WorkQueue
from command_service.worker.leases import Leases
from command_service.worker.outage import AWAY, Outage
from command_service.worker.report import Report

log = structlog.get_logger()


class Attempts:
    """Makes a worker's attempts at commands."""

    def __init__(
        self, queue: WorkQueue, executor: Executor, channels: Channels, leases: Leases, outage: Outage, report: Report
    ) -> None:
        self._queue = queue
        self._executor = executor
        self._channels = channels
        self._leases = leases
        self._outage = outage
        self._report = report

    async def make(self, claim: Claimed) -> Ended | PutOff | None:
        """Make one attempt; None when somebody else had taken the command over while the store was away."""
        self._leases.hold(claim)
        try:
            with self._report.attempt(claim) as told:
                ending = await self._ending(claim)
                if isinstance(ending, PutOff):
                    await self._put_off(claim, ending)
                told(ending)
                return ending
        finally:
            self._leases.drop(claim)

    async def _ending(self, claim: Claimed) -> Ended | PutOff | None:
        while True:
            try:
                ending = await self._once(claim)
            except AWAY as error:
                await asyncio.sleep(self._outage.seconds(error))
                if not await self._leases.still_held(claim):
                    return None
            else:
                self._outage.over()
                return ending

    async def _once(self, claim: Claimed) -> Ended | PutOff:
        policy = self._channels.policy(claim.channel)
        try:
            if claim.attempt > policy.attempts:
                return await self._executor.give_up(claim, _unfinished(policy.attempts))
            return await self._executor.execute(claim)
        except AWAY:
            raise
        except Exception as error:
            # Not even the failure could be recorded: it stays open, for a version that can.
            log.exception("an attempt broke", command_id=claim.command_id, channel=claim.channel)
            return PutOff("", kept(f"{type(error).__name__}: {error}"), policy.delay(claim.attempt))

    async def _put_off(self, claim: Claimed, ending: PutOff) -> None:
        await self._outage.steady(lambda: self._queue.put_off(claim, ending.seconds, ending.error))


def _unfinished(attempts: int) -> str:
    return (
        f"None of {attempts} attempts came to an end: the worker died each time, or lost its lease. "
        "Look into the workers' logs for what the command does to them, then retry or discard it"
    )
