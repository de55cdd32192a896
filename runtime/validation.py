"""Step 2, validated: a request's shape is checked once, against the rules in its contract, before any handler."""

from collections.abc import Iterable
from typing import Any

import protovalidate
from cqrs.common.v1 import errors_pb2
from google.protobuf.message import Message

from runtime.refusals import Refusals, Refused

_refuse = Refusals(errors_pb2.PlatformError)
_validator = protovalidate.Validator()


def validate(request: Message) -> None:
    """Raise INVALID_REQUEST with every fault, in field order, the first one's text as its own."""
    violations = _validator.collect_violations(request)
    if violations:
        raise invalid(faults(request.DESCRIPTOR, [violation.proto for violation in violations]))


def invalid(fields: Iterable[tuple[str, str]]) -> Refused:
    """The refusal of a shape: (field path, text) in field order, at least one."""
    listed = tuple(fields)
    refused = _refuse(errors_pb2.PLATFORM_ERROR_INVALID_REQUEST, listed[0][1])
    refused.fields = listed
    return refused


def faults(descriptor: Any, violations: Iterable[Any]) -> list[tuple[str, str]]:
    """(field path, text) of each violation, in field order."""
    placed = [(_place(descriptor, violation), violation) for violation in violations]
    placed.sort(key=lambda pair: pair[0][0])
    return [(path, _text(path, violation)) for (_, path), violation in placed]


def _place(descriptor: Any, violation: Any) -> tuple[tuple[int, ...], str]:
    """Where a violation stands; a rule over the whole message has the name of the field that it is about as its id."""
    elements = violation.field.elements if violation.field else ()
    if not elements:
        about = descriptor.fields_by_name.get(violation.rule_id)
        return (about.number if about else 1_000_000,), violation.rule_id if about else ""
    order: list[int] = []
    names: list[str] = []
    for element in elements:
        subscript = element.subscript
        index = subscript.value if subscript is not None else None
        order += [element.field_number, index if isinstance(index, int) else 0]
        names.append(element.field_name if index is None else f"{element.field_name}[{index}]")
    return tuple(order), ".".join(names)


def _text(path: str, violation: Any) -> str:
    """The contract's own text; where a standard rule speaks, the field's name goes before it."""
    standard = violation.rule is not None and all(element.field_name != "cel" for element in violation.rule.elements)
    return f"{path}: {violation.message}" if standard else str(violation.message)
