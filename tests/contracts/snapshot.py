"""Everything that the contracts promise and buf does not see, as text; run it to accept a change that was meant."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pool import Default

GENERATED = Path(__file__).resolve().parent.parent.parent / "generated"


def _files() -> Iterator[FileDescriptor]:
    """Every contract of the product, by its path."""
    for module in sorted(GENERATED.glob("cqrs/*/v1/*_pb2.py")):
        import_module(".".join(module.relative_to(GENERATED).with_suffix("").parts))
        path = module.relative_to(GENERATED).as_posix().removesuffix("_pb2.py") + ".proto"
        if "/options/" not in path:
            yield Default().FindFileByName(path)


FILES: tuple[FileDescriptor, ...] = tuple(_files())
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
