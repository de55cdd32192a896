"""Step 8: asynchronous commands to read, and the lists that they are found in.

A list is asked for by any of state, channel and type, and read in one round trip: so there is one for each combination.
"""

from collections.abc import Iterator

from cqrs.admin.v1 import events_pb2 as events
from cqrs.admin.v1.views_pb2 import CommandView
from cqrs.common.v1.common_pb2 import COMMAND_STATE_FAILED, CommandState

from projector.domains.platform.command_view import CommandEvent, accept, change
from projector.projection import Changes, Fact, IndexEntry, Projection, ViewKey, Views


def _needs(fact: Fact, views: Views) -> tuple[ViewKey, ...]:
    return (ViewKey(CommandView, _key(fact.event)),)


def _apply(fact: Fact, views: Views) -> Changes:
    key = _key(fact.event)
    before: CommandView | None = views[key]
    if isinstance(fact.event, events.CommandAccepted):
        command = accept(fact.event, fact)
    elif before is None:
        raise LookupError(
            f"{fact.record.type} at version {fact.record.version} of {key}, which has no view: it was never accepted"
        )
    else:
        command = change(before, fact.event, fact)
    left, there = set(_lists(before)), set(_lists(command))
    entries = [IndexEntry(name, key, None) for name in sorted(left - there)]
    entries += [IndexEntry(name, key, command.accept_position) for name in sorted(there - left)]
    return Changes({key: command}, tuple(entries))


def _key(event: CommandEvent) -> str:
    return f"command:{event.command_id}"


def _lists(command: CommandView | None) -> Iterator[str]:
    """The lists that a command is in; the place in each is its acceptance. What is empty in a name stands for any."""
    if command is None:
        return
    failed = command.state == COMMAND_STATE_FAILED and not command.discarded
    for channel in ("", command.channel):
        for type_ in ("", command.type):
            yield f"commands::{channel}:{type_}"
            yield f"commands:{_name(command.state)}:{channel}:{type_}"
            if failed:
                yield f"failed:{channel}:{type_}"


def _name(state: CommandState.ValueType) -> str:
    return CommandState.Name(state).removeprefix("COMMAND_STATE_").lower()


COMMANDS = Projection(
    name="platform.commands",
    handles=(
        events.CommandAccepted,
        events.CommandSucceeded,
        events.CommandRefused,
        events.CommandFailed,
        events.FailedCommandRetried,
        events.FailedCommandDiscarded,
        events.ScheduledCommandCancelled,
    ),
    needs=_needs,
    apply=_apply,
)
