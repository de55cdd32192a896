"""Step 3 and 8: from a record's bytes to the event of today, whatever version of its schema it was written in."""

from collections.abc import Callable, Mapping

from cqrs.log.v1.record_pb2 import Record
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

Upcasters = Mapping[tuple[str, int], Callable[[bytes], Message]]
"""(full protobuf name, schema version) → data of that version to the message of today."""

UPCASTERS: Upcasters = {}
"""Every event is still at its first version."""

_CLASSES: dict[str, type[Message] | None] = {}


def decode(record: Record, upcasters: Upcasters = UPCASTERS) -> Message | None:
    """The event that a record holds; None for a type that this version does not know. DecodeError for bad bytes."""
    upcast = upcasters.get((record.type, record.schema_version))
    if upcast is not None:
        return upcast(record.data)
    known = message_class(record.type)
    return None if known is None else known.FromString(record.data)


def message_class(name: str) -> type[Message] | None:
    """The message of a full protobuf name; None for one that this version does not know."""
    return _CLASSES[name] if name in _CLASSES else _look_up(name)


def _look_up(name: str) -> type[Message] | None:
    try:
        known: type[Message] | None = GetMessageClass(Default().FindMessageTypeByName(name))
    except KeyError:
        known = None
    _CLASSES[name] = known
    return known
