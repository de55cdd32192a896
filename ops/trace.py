"""The tree of command → events → commands that one correlation id leads to, built from the log's records."""

from dataclasses import dataclass, field
from typing import Any

from cqrs.admin.v1 import events_pb2 as events
from cqrs.log.v1.record_pb2 import Record

_COMMANDS = "command-"
_OWN = {
    event.DESCRIPTOR.full_name: event
    for event in (
        events.CommandAccepted,
        events.CommandSucceeded,
        events.CommandRefused,
        events.CommandFailed,
        events.FailedCommandRetried,
        events.FailedCommandDiscarded,
        events.ScheduledCommandCancelled,
    )
}


@dataclass(eq=False)
class Node:
    """A command or an event, with what it led to."""

    id: str
    """The command's id, or the event's record id."""
    position: int
    """In the log: of the event, of the acceptance, or of the first event of a synchronous command."""
    record: Record | None = None
    """The event's; None for a command."""
    causation_id: str = ""
    accepted: events.CommandAccepted | None = None
    """Of an asynchronous command."""
    accept_record: Record | None = None
    outcome: Any = None
    """The last CommandSucceeded, CommandRefused, CommandFailed, FailedCommandDiscarded, …; None while there is none."""
    outcome_record: Record | None = None
    retries: int = 0
    """How often an operator had it carried out again."""
    children: list["Node"] = field(default_factory=list)
    """In the order of the log."""


class Trace:
    """Takes the log's records in order and keeps those that belong to one correlation id."""

    def __init__(self, correlation_id: str) -> None:
        self._correlation_id = correlation_id
        self._bytes = correlation_id.encode()
        self._events: dict[str, Node] = {}
        self._commands: dict[str, Node] = {}
        self._own: dict[str, Node] = {}
        """Commands by the ids of their own records: a process manager may react to a refusal or a failure."""

    def take(self, position: int, stored: bytes) -> None:
        """The record at a position, as it is stored."""
        if self._bytes not in stored and b"command-" not in stored:
            return  # most of a long log: not worth parsing
        record = Record.FromString(stored)
        if (own := _OWN.get(record.type)) is not None and record.stream.startswith(_COMMANDS):
            self._take_own(position, record, own.FromString(record.data))
        elif record.correlation_id == self._correlation_id:
            self._events[record.id] = Node(record.id, position, record, record.causation_id)

    def roots(self) -> list[Node]:
        """What nothing in the trace has caused, in the order of the log, each with all that it led to."""
        causes = {**self._own, **self._commands, **self._events}
        synchronous: list[Node] = []
        for event in self._events.values():
            if event.causation_id and event.causation_id not in causes:
                synchronous.append(Node(event.causation_id, event.position))  # it has no record of its own
                causes[event.causation_id] = synchronous[-1]
        every = (*synchronous, *self._commands.values(), *self._events.values())
        roots: list[Node] = []
        for node in sorted(every, key=lambda node: node.position):
            cause = causes.get(node.causation_id)
            # A caller may name any cause; what comes later in the log is none.
            known = cause is not None and cause is not node and cause.position <= node.position
            (cause.children if known and cause else roots).append(node)
        return roots

    def _take_own(self, position: int, record: Record, event: Any) -> None:
        """A command's own record; an operator's decision about it has another correlation id."""
        if isinstance(event, events.CommandAccepted):
            if record.correlation_id == self._correlation_id:
                self._commands[event.command_id] = Node(
                    event.command_id, position, None, record.causation_id, event, record
                )
            return
        node = self._commands.get(event.command_id)
        if node is None:
            return
        self._own[record.id] = node
        if isinstance(event, events.FailedCommandRetried):
            node.retries += 1
            node.outcome = node.outcome_record = None
        else:
            node.outcome, node.outcome_record = event, record
