"""Step 6, in memory: the tables of open work, as the records that are appended change them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from command_service.bell import Bell
from command_service.event_log import ChannelFull, NewRecord
from command_service.run_times import bound_of
from command_service.work import Work, WorkKind, kept
from command_service.work_queue import DueTimer


@dataclass(slots=True)
class OpenCommand:
    """A command that waits, is being carried out, or has failed."""

    command_id: str
    position: int
    channel: str
    stream: str
    type: str
    record: bytes
    version: int
    accept_time: datetime
    due_time: datetime
    claimable_from: datetime
    """When it is due, or while it is leased the end of the lease."""
    scheduled: bool
    attempts: int = 0
    lease: str | None = None
    failed: bool = False
    error: str = ""


@dataclass(slots=True)
class Channel:
    """What is kept of a channel beside its commands."""

    open: int = 0
    """On the table and not failed."""
    ended: Counter[WorkKind] = field(default_factory=Counter)
    """How many commands were opened, succeeded, …"""
    retried: int = 0
    paused: bool = False
    reason: str = ""
    run_times: Counter[int] = field(default_factory=Counter)


class WorkTables:
    """Open commands, channels and timers; `now` gives the time, which must be aware."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.commands: dict[str, OpenCommand] = {}
        self.channels: defaultdict[str, Channel] = defaultdict(Channel)
        self.timers: dict[str, DueTimer] = {}
        self.checkpoints: dict[str, int] = {}
        self.alone: set[str] = set()
        self.leases = count(1)
        self.bell = Bell()
        """Rings with every change that may give somebody something to do."""

    def open_before(self, command: OpenCommand) -> Iterator[OpenCommand]:
        """Earlier commands of the same stream that have not failed."""
        for each in self.commands.values():
            if each.stream == command.stream and each.position < command.position and not each.failed:
                yield each

    def check(self, works: Sequence[Work]) -> None:
        """Raises ChannelFull where an entry opens more commands than a channel takes."""
        opens: Counter[str] = Counter()
        for work in works:
            if work.kind is WorkKind.OPEN:
                opens[work.channel] += 1
                waiting = self.channels[work.channel].open if work.channel in self.channels else 0
                if 0 < work.most_open < waiting + opens[work.channel]:
                    raise ChannelFull(work.channel)

    def apply(self, new: NewRecord, work: Work, position: int, moment: datetime) -> None:
        """Change the tables by what a record at a position means."""
        self.bell.ring()
        match work.kind:
            case WorkKind.OPEN:
                self._open(new, work, position, moment)
            case WorkKind.SUCCEEDED | WorkKind.REFUSED | WorkKind.FAILED | WorkKind.CANCEL:
                self._end(new, work, moment)
            case WorkKind.REOPEN:
                self._reopen(new, work, moment)
            case WorkKind.DISCARD:
                if (command := self.commands.get(work.key)) and command.failed:
                    del self.commands[work.key]
            case WorkKind.PAUSE | WorkKind.RESUME:
                channel = self.channels[work.key]
                channel.paused = work.kind is WorkKind.PAUSE
                channel.reason = kept(work.text) if channel.paused else ""
            case WorkKind.SET_TIMER:
                due = work.due or moment
                self.timers[work.key] = DueTimer(work.key, work.type, work.stream, work.text, due, position)
            case WorkKind.CLEAR_TIMER:
                self.timers.pop(work.key, None)

    def _open(self, new: NewRecord, work: Work, position: int, moment: datetime) -> None:
        channel = self.channels[work.channel]
        channel.ended[work.kind] += 1
        if work.key in self.commands:
            return
        channel.open += 1
        due = max(work.due or moment, moment)
        self.commands[work.key] = OpenCommand(
            work.key,
            position,
            work.channel,
            work.stream,
            work.type,
            new.record,
            new.version,
            accept_time=moment,
            due_time=due,
            claimable_from=due,
            scheduled=due > moment,
        )

    def _end(self, new: NewRecord, work: Work, moment: datetime) -> None:
        channel = self.channels[work.channel]
        channel.ended[work.kind] += 1
        if work.kind is not WorkKind.CANCEL:
            channel.run_times[bound_of(work.run_millis)] += 1
        command = self.commands.get(work.key)
        if command is None or command.failed:
            return
        self.channels[command.channel].open -= 1
        if work.kind is not WorkKind.FAILED:
            del self.commands[work.key]
            return
        command.failed, command.lease, command.claimable_from = True, None, moment
        command.error, command.version = kept(work.text), new.version

    def _reopen(self, new: NewRecord, work: Work, moment: datetime) -> None:
        self.channels[work.channel].ended[work.kind] += 1
        command = self.commands.get(work.key)
        if command is None or not command.failed:
            return
        self.channels[command.channel].open += 1
        command.failed, command.attempts, command.error, command.version = False, 0, "", new.version
        command.due_time = command.claimable_from = moment


def clock() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)
