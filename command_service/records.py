"""What a decision puts into the log: each event in its envelope, the command's hash, the receipt."""

import hashlib
from collections.abc import Iterator, Sequence

import uuid_utils
from cqrs.common.v1.common_pb2 import CommandContext
from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import event as event_option
from google.protobuf.message import Message

from command_service.decider import Context
from command_service.event_log import NewRecord
from runtime.call import Call
from runtime.record import whole

_VERSIONS: dict[type[Message], tuple[str, int]] = {}


def request_hash(rpc: str, request: Message) -> bytes:
    """sha256 of what is asked: the RPC and the request's deterministic bytes, without context and unknown fields."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("context")
    bare.DiscardUnknownFields()
    return hashlib.sha256(rpc.encode() + b"\0" + bare.SerializeToString(deterministic=True)).digest()


def envelopes(
    stream: str, version: int, events: Sequence[Message], context: Context, asked: CommandContext, call: Call
) -> Iterator[NewRecord]:
    """The records of one stream's events, the first at `version` + 1."""
    for number, event in enumerate(events, version + 1):
        name, schema_version = _schema(type(event))
        record = Record(
            id=str(uuid_utils.uuid7()),
            type=name,
            stream=stream,
            version=number,
            time=context.time,
            data=event.SerializeToString(),
            correlation_id=context.correlation_id,
            causation_id=context.command_id,
            traceparent=call.traceparent,
            actor=context.actor,
            schema_version=schema_version,
            command_time=whole(asked.command_time) if asked.HasField("command_time") else None,
        )
        yield NewRecord(stream, number, name, record.SerializeToString())


def _schema(event: type[Message]) -> tuple[str, int]:
    known = _VERSIONS.get(event)
    if known is None:
        descriptor = event.DESCRIPTOR
        version = descriptor.GetOptions().Extensions[event_option].schema_version
        if version < 1:
            raise TypeError(f"{descriptor.full_name} is no event: give it the option (cqrs.options.v1.event)")
        known = _VERSIONS[event] = (descriptor.full_name, version)
    return known
