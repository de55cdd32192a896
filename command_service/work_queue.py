"""Step 6, the ports of the worker: open commands to carry out, and what process managers keep beside the log.

Both raise LogUnavailable while the store is away. What they change themselves (claims, delays, checkpoints) may be lost
with a crash of the store: it is only who is at it and when it is tried again, never whether it is done.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Claimed:
    """A command that this worker carries out, alone while its lease lasts."""

    command_id: str
    channel: str
    position: int
    """Of its CommandAccepted."""
    record: bytes
    """The serialised cqrs.log.v1.Record with the CommandAccepted."""
    version: int
    """The version of the command's own stream: what its outcome follows on."""
    attempt: int
    """From 1; counted when it was claimed, so that a command which kills its worker comes to an end too."""
    lease: str
    """Who claimed it and when; changes of a claim whose lease has passed on do nothing."""


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """What there is of one channel at one moment."""

    channel: str
    ready: int = 0
    in_flight: int = 0
    waiting: int = 0
    """For another attempt."""
    scheduled: int = 0
    failed: int = 0
    oldest_time: datetime | None = None
    """The acceptance of the oldest command that is ready, in flight or waiting."""
    paused: bool = False
    pause_reason: str = ""
    accepted_total: int = 0
    succeeded_total: int = 0
    refused_total: int = 0
    failed_total: int = 0
    retried_total: int = 0
    run_millis: tuple[tuple[int, int], ...] = ()
    """How many attempts with an outcome ran at most so many milliseconds and longer than the bound before:
    (bound, count since the log began), bounds growing by a fifth or less."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A command on its channel, as an operator sees it."""

    command_id: str
    channel: str
    type: str
    stream: str
    position: int
    state: str
    """"ready", "in flight", "waiting", "scheduled" or "failed"."""
    attempts: int
    accept_time: datetime
    due_time: datetime
    error: str


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer whose time has come."""

    key: str
    process: str
    stream: str
    """The instance's own stream, `<process>-<instance>`."""
    name: str
    due_time: datetime
    position: int
    """Of the TimerSet record that set it."""


class WorkQueue(Protocol):
    """Open commands, given out to workers one aggregate at a time, in the order of acceptance."""

    async def claim(self, channel: str, most: int, worker: str, lease_seconds: float) -> Sequence[Claimed]:
        """Claim at most `most` commands of a channel that are due, whose lease (if any) is over, whose channel is not
        paused, and before which no other open command of the same stream is due or waits for another attempt."""

    async def renew(self, claims: Sequence[Claimed], lease_seconds: float) -> frozenset[str]:
        """Prolong the leases; gives the ids of those that this worker still holds."""

    async def put_off(self, claim: Claimed, seconds: float, error: str) -> None:
        """Give a command back until a later attempt, with what went wrong; the attempt stays counted."""

    async def give_back(self, claims: Sequence[Claimed]) -> None:
        """Give commands back as if they had never been claimed; their attempts are not counted."""

    async def next_due(self, channels: Sequence[str]) -> float | None:
        """Seconds until a command of these channels can be claimed that cannot be now, because it is scheduled, waits
        for another attempt or is leased; None when there is none."""

    async def wait(self, seconds: float) -> None:
        """Return when there may be something new to claim, or after so many seconds."""

    async def counts(self, channel: str = "") -> Sequence[QueueCounts]:
        """Every channel that was ever used, by name; or the one that is named, if it was."""

    async def peek(self, channel: str, limit: int, failed: bool = False, after: int = 0) -> Sequence[Queued]:
        """What waits on a channel, or has failed on it, accepted after a position, oldest first; an empty name is
        every channel."""


class ProcessStore(Protocol):
    """What process managers keep beside the log: how far they have read, and which timers are due."""

    def alone(self, process: str) -> AbstractAsyncContextManager[bool]:
        """Enter to be the one runner of a process manager among all workers; gives False when somebody else is. Left
        when the block ends, or when the connection to the store is lost; two at once are harmless, only wasteful."""

    async def checkpoint(self, process: str) -> int:
        """The position up to which it has reacted; 0 at first."""

    async def save_checkpoint(self, process: str, position: int) -> None:
        """Note how far it has come; a lower position than the one that is kept does nothing."""

    async def due_timers(self, process: str, limit: int) -> Sequence[DueTimer]:
        """Its timers whose time has come, the earliest first."""

    async def next_timer(self, process: str) -> float | None:
        """Seconds until its next timer is due, 0 when one is; None when there is none."""
