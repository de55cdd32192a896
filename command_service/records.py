"""What a decision puts into the log: each event in its envelope."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uuid_utils
from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import event as event_option
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.command import Command
from command_service.event_log import NewRecord
from command_service.lifecycle import work_of
from runtime.record import whole

_VERSIONS: dict[type[Message], tuple[str, int]] = {}


@dataclass(frozen=True, slots=True)
class Origin:
    """What the envelopes of one entry have in common."""

    time: Timestamp
    correlation_id: str
    causation_id: str
    traceparent: str = ""
    actor: str = ""
    command_time: Timestamp | None = None

    @classmethod
    def of(cls, command: Command, causation_id: str, time: Timestamp | None = None) -> "Origin":
        """The origin of what a command leads to; at its own time, unless another is given."""
        context, asked = command.context, command.request.context
        return cls(
            time or context.time,
            context.correlation_id,
            causation_id,
            command.call.traceparent,
            context.actor,
            whole(asked.command_time) if asked.HasField("command_time") else None,
        )


def envelopes(stream: str, version: int, events: Sequence[Message], origin: Origin) -> Iterator[NewRecord]:
    """The records of one stream's events, the first at `version` + 1."""
    for number, event in enumerate(events, version + 1):
        yield envelope(stream, number, event, origin)


def envelope(stream: str, version: int, event: Message, origin: Origin, most_open: int = 0) -> NewRecord:
    """One record; `most_open` bounds the channel of a CommandAccepted, 0 does not."""
    name, schema_version = _schema(type(event))
    record = Record(
        id=str(uuid_utils.uuid7()),
        type=name,
        stream=stream,
        version=version,
        time=origin.time,
        data=event.SerializeToString(),
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
        traceparent=origin.traceparent,
        actor=origin.actor,
        schema_version=schema_version,
        command_time=origin.command_time,
    )
    return NewRecord(stream, version, name, record.SerializeToString(), work_of(stream, event, most_open))


def _schema(event: type[Message]) -> tuple[str, int]:
    known = _VERSIONS.get(event)
    if known is None:
        descriptor = event.DESCRIPTOR
        version = descriptor.GetOptions().Extensions[event_option].schema_version
        if version < 1:
            raise TypeError(f"{descriptor.full_name} is no event: give it the option (cqrs.options.v1.event)")
        known = _VERSIONS[event] = (descriptor.full_name, version)
    return known
