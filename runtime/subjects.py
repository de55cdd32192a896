"""Step 5: where a record is published, so that a consumer can ask the stream for what concerns it."""

import re
from functools import lru_cache

from cqrs.admin.v1 import events_pb2 as events
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import DecodeError, Message

from runtime.record import category

_ACCEPTED: tuple[type[Message], ...] = (events.CommandAccepted, events.FailedCommandRetried)
_OUTCOMES: tuple[type[Message], ...] = (
    events.CommandSucceeded,
    events.CommandRefused,
    events.CommandFailed,
    events.FailedCommandDiscarded,
    events.ScheduledCommandCancelled,
)
_COMMANDS = {
    **{event.DESCRIPTOR.full_name: ("log.command.accepted", event) for event in _ACCEPTED},
    **{event.DESCRIPTOR.full_name: ("log.command.outcome", event) for event in _OUTCOMES},
}
_NO_TOKEN = re.compile(r"[^A-Za-z0-9_-]")


def subject(record: Record) -> str:
    """`log.<domain>.<stream type>.<short record type>`; of a command's own stream `log.command.accepted.<channel>` for
    what begins to wait (CommandAccepted, FailedCommandRetried), `log.command.outcome.<channel>` for what ends it.

    A command's record whose data does not decode is published by the general rule: whoever handles it will say so.
    """
    kind = category(record.stream)
    if kind == "command" and (known := _COMMANDS.get(record.type)) is not None:
        begin, event = known
        try:
            return f"{begin}.{_token(event.FromString(record.data).channel)}"  # type: ignore[attr-defined]  # all have it
        except DecodeError:
            return _general(kind, record.type)
    return _general(kind, record.type)


@lru_cache(maxsize=10_000)
def _general(kind: str, record_type: str) -> str:
    return f"log.{kind}.{record_type.rpartition('.')[2]}"


@lru_cache(maxsize=1_000)
def _token(channel: str) -> str:
    """A channel's name as one part of a subject: dots become `-`, what a subject cannot hold `_`."""
    return _NO_TOKEN.sub("_", channel.replace(".", "-")) or "_"
