"""Step 6, in memory: open commands, given out to workers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from command_service.memory_event_log import MemoryEventLog
from command_service.memory_tables import Channel, OpenCommand
from command_service.work import WorkKind, kept
from command_service.work_queue import Claimed, QueueCounts, Queued


class MemoryQueue:
    """The WorkQueue port on the open work of a MemoryEventLog."""

    def __init__(self, log: MemoryEventLog) -> None:
        self._tables = log.tables
        self._now = log.tables.now
        self._bell = log.tables.bell

    async def claim(self, channel: str, most: int, worker: str, lease_seconds: float) -> Sequence[Claimed]:
        """Claim what can be carried out, what was due first first."""
        self._bell.looking()
        moment = self._now()
        if channel in self._tables.channels and self._tables.channels[channel].paused:
            return []
        ready = [
            each for each in self._open([channel]) if each.claimable_from <= moment and self._is_free(each, moment)
        ]
        lease = f"{worker} {next(self._tables.leases)}"
        taken = sorted(ready, key=lambda each: (each.claimable_from, each.position))[: max(most, 0)]
        for command in taken:
            command.attempts += 1
            command.lease, command.claimable_from = lease, moment + timedelta(seconds=lease_seconds)
        return [_claimed(command, lease) for command in sorted(taken, key=lambda each: each.position)]

    async def renew(self, claims: Sequence[Claimed], lease_seconds: float) -> frozenset[str]:
        """Prolong the leases that are still held; gives the ids."""
        held = [command for claim in claims if (command := self._held(claim))]
        for command in held:
            command.claimable_from = self._now() + timedelta(seconds=lease_seconds)
        return frozenset(command.command_id for command in held)

    async def put_off(self, claim: Claimed, seconds: float, error: str) -> None:
        """Give a command back until a later attempt."""
        if command := self._held(claim):
            command.lease, command.error = None, kept(error)
            command.due_time = command.claimable_from = self._now() + timedelta(seconds=seconds)
            self._tables.channels[command.channel].retried += 1

    async def give_back(self, claims: Sequence[Claimed]) -> None:
        """Give commands back as if they had never been claimed."""
        for claim in claims:
            if command := self._held(claim):
                command.lease, command.claimable_from = None, command.due_time
                command.attempts -= 1
                self._bell.ring()

    async def next_due(self, channels: Sequence[str]) -> float | None:
        """Seconds until a command can be claimed that cannot be now."""
        moment = self._now()
        going = [
            name for name in channels if name not in self._tables.channels or not self._tables.channels[name].paused
        ]
        later = [each.claimable_from for each in self._open(going) if each.claimable_from > moment]
        return (min(later) - moment).total_seconds() if later else None

    async def wait(self, seconds: float) -> None:
        """Return when there may be something new to claim, or after so many seconds."""
        await self._bell.wait(seconds)

    async def counts(self, channel: str = "") -> Sequence[QueueCounts]:
        """Every channel that was ever used, by name; or the one that is named."""
        names = [name for name in sorted(self._tables.channels) if channel in ("", name)]
        return [self._counts(name, self._tables.channels[name]) for name in names]

    async def peek(self, channel: str, limit: int, failed: bool = False, after: int = 0) -> Sequence[Queued]:
        """What waits, or has failed, oldest first."""
        moment = self._now()
        found = [
            each
            for each in self._tables.commands.values()
            if channel in ("", each.channel) and each.failed == failed and each.position > after
        ]
        return [_queued(each, moment) for each in sorted(found, key=lambda each: each.position)[:limit]]

    def _open(self, channels: Iterable[str]) -> list[OpenCommand]:
        """The commands of these channels that have not failed and stand behind none of their stream."""
        commands = self._tables.commands.values()
        return [each for each in commands if not each.failed and each.channel in channels and not self._is_behind(each)]

    def _is_behind(self, command: OpenCommand) -> bool:
        before = self._tables.open_before(command)
        return any(not each.scheduled for each in before)

    def _is_free(self, command: OpenCommand, moment: datetime) -> bool:
        """Whether no scheduled command holds it back either."""
        before = self._tables.open_before(command)
        return not any(each.due_time <= moment or each.attempts for each in before)

    def _held(self, claim: Claimed) -> OpenCommand | None:
        command = self._tables.commands.get(claim.command_id)
        return command if command is not None and command.lease == claim.lease else None

    def _counts(self, name: str, channel: Channel) -> QueueCounts:
        commands = [each for each in self._tables.commands.values() if each.channel == name]
        moment = self._now()
        states = Counter(_state(each, moment) for each in commands)
        pending = [each.accept_time for each in commands if _state(each, moment) in ("ready", "in flight", "waiting")]
        return QueueCounts(
            name,
            states["ready"],
            states["in flight"],
            states["waiting"],
            states["scheduled"],
            states["failed"],
            min(pending, default=None),
            channel.paused,
            channel.reason,
            channel.ended[WorkKind.OPEN],
            channel.ended[WorkKind.SUCCEEDED],
            channel.ended[WorkKind.REFUSED] + channel.ended[WorkKind.CANCEL],
            channel.ended[WorkKind.FAILED],
            channel.retried,
            tuple(sorted(channel.run_times.items())),
        )


def _claimed(command: OpenCommand, lease: str) -> Claimed:
    return Claimed(
        command.command_id,
        command.channel,
        command.position,
        command.record,
        command.version,
        command.attempts,
        lease,
    )


def _queued(command: OpenCommand, moment: datetime) -> Queued:
    return Queued(
        command.command_id,
        command.channel,
        command.type,
        command.stream,
        command.position,
        _state(command, moment),
        command.attempts,
        command.accept_time,
        command.due_time,
        command.error,
    )


def _state(command: OpenCommand, moment: datetime) -> str:
    if command.failed:
        return "failed"
    if command.lease is not None and command.claimable_from > moment:
        return "in flight"
    if command.due_time <= moment:
        return "ready"
    return "waiting" if command.attempts else "scheduled"
