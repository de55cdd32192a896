"""Everything that the contracts promise and buf does not see, as text; run it to accept a change that was meant."""

from collections.abc import Iterator
from pathlib import Path

from cqrs.common.v1 import common_pb2, errors_pb2
from cqrs.log.v1 import log_service_pb2, record_pb2
from cqrs.shop.v1 import commands_pb2, events_pb2, queries_pb2, types_pb2, views_pb2
from cqrs.shop.v1 import errors_pb2 as shop_errors_pb2
from google.protobuf.descriptor import Descriptor, FileDescriptor

FILES: tuple[FileDescriptor, ...] = (
    common_pb2.DESCRIPTOR,
    errors_pb2.DESCRIPTOR,
    record_pb2.DESCRIPTOR,
    log_service_pb2.DESCRIPTOR,
    commands_pb2.DESCRIPTOR,
    queries_pb2.DESCRIPTOR,
    events_pb2.DESCRIPTOR,
    views_pb2.DESCRIPTOR,
    types_pb2.DESCRIPTOR,
    shop_errors_pb2.DESCRIPTOR,
)
SNAPSHOT = Path(__file__).with_name("snapshot.txt")


def snapshot() -> str:
    """One line for each service option, message option, field with its number and rules, and refusal."""
    return "\n".join(line for file in FILES for line in _file(file)) + "\n"


def _file(file: FileDescriptor) -> Iterator[str]:
    yield f"# {file.name}"
    for service in file.services_by_name.values():
        for method in service.methods:
            stream = "stream " if method.server_streaming else ""
            yield f"rpc {method.full_name} -> {stream}{method.output_type.full_name} {_options(method)}"
    for message in file.message_types_by_name.values():
        yield from _message(message)
    for enum in file.enum_types_by_name.values():
        for value in enum.values:
            yield f"enum {enum.full_name}.{value.name} = {value.number} {_options(value)}"


def _message(message: Descriptor) -> Iterator[str]:
    yield f"message {message.full_name} {_options(message)}"
    for field in message.fields:
        kind = field.message_type or field.enum_type
        name = kind.full_name if kind else field.type
        repeated = "repeated " if field.is_repeated else ""
        yield f"  {field.name} = {field.number}: {repeated}{name} {_options(field)}"


def _options(described: object) -> str:
    return " ".join(str(described.GetOptions()).split())  # type: ignore[attr-defined]  # every descriptor has it


if __name__ == "__main__":
    SNAPSHOT.write_text(snapshot())
