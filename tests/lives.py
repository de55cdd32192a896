"""What must hold of the records of commands and of what they lead to, whatever they are about; without product code."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from cqrs.admin.v1 import events_pb2 as events
from cqrs.log.v1.record_pb2 import Record

ACCEPTED = "cqrs.admin.v1.CommandAccepted"
OUTCOMES = {f"cqrs.admin.v1.{name}" for name in ("CommandSucceeded", "CommandRefused", "CommandFailed")}
FOLLOWS = {
    "CommandSucceeded": ("open", "ended"),
    "CommandRefused": ("open", "ended"),
    "CommandFailed": ("open", "failed"),
    "FailedCommandRetried": ("failed", "open"),
    "FailedCommandDiscarded": ("failed", "ended"),
    "ScheduledCommandCancelled": ("open", "ended"),
}
"""The state that a record of a command's stream follows on, and the one that it leads to."""


@dataclass
class Effects:
    """A command, and a process manager's reaction, is one run of records. A failed command that is retried has its
    failure, and later its effect; a command that is accepted has the cause that its caller names, whatever that is."""

    last: dict[tuple[str, str], int] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def faults(self, position: int, record: Record) -> Iterator[str]:
        """Of the next record."""
        reacts = record.causation_id in self.ids  # to a record: each process manager in its own instance's stream
        self.ids.add(record.id)
        if record.type in (ACCEPTED, "cqrs.admin.v1.CommandFailed"):
            if self.last.get((record.causation_id, "")) == position - 1:  # of one that sends commands
                self.last[record.causation_id, ""] = position
            return
        key = (record.causation_id, record.stream if reacts else "")
        if self.last.get(key, position - 1) != position - 1:
            yield f"command {record.causation_id} has an effect at {self.last[key]} and at {position}"
        self.last[key] = position


@dataclass
class Lives:
    """Each accepted command comes to one end, or is open; those on one stream come to it in the order of acceptance."""

    states: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The ids of the commands on each stream that are not scheduled, in the order of acceptance."""
    first_ended: dict[str, int] = field(default_factory=dict)
    """Where the first outcome of each command stands."""

    def faults(self, position: int, record: Record) -> Iterator[str]:
        """Of the next record."""
        if not record.stream.startswith("command-"):
            return
        name, command_id = record.type.rpartition(".")[2], record.stream.removeprefix("command-")
        state = self.states.get(command_id, "unknown")
        if record.type == ACCEPTED:
            if state != "unknown":
                yield f"command {command_id} is accepted again at {position}"
            event = events.CommandAccepted.FromString(record.data)
            if not event.HasField("due_time"):
                self.accepted[event.stream].append(command_id)
            self.states[command_id] = "open"
            return
        wanted, after = FOLLOWS[name]
        if state != wanted:
            yield f"command {command_id} is {state} when {name} comes at {position}"
        self.states[command_id] = after
        self.first_ended.setdefault(command_id, position)

    def out_of_order(self) -> Iterator[str]:
        """At the end: which commands overtook an earlier one on the same stream."""
        for stream, command_ids in self.accepted.items():
            ends = [self.first_ended.get(each) for each in command_ids]
            for earlier, later in zip(range(len(ends)), range(1, len(ends)), strict=False):
                before, after = ends[earlier], ends[later]
                if after is not None and (before is None or before > after):
                    yield f"command {command_ids[later]} on {stream} overtook {command_ids[earlier]}"

    @property
    def open(self) -> list[str]:
        """The ids of the commands that have no outcome yet."""
        return [command_id for command_id, state in self.states.items() if state == "open"]
