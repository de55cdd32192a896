"""Step 2, validated: a request's shape is checked once, against the rules in its contract, before any handler."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import protovalidate
from cqrs.common.v1 import errors_pb2
from google.protobuf.message import Message

from runtime.refusals import Refusals, Refused

_refuse = Refusals(errors_pb2.PlatformError)
_validator = protovalidate.Validator()


class _Fault(NamedTuple):
    order: tuple[int, ...]
    """Where its field stands, to sort by."""
    path: str
    text: str
    reason: str = ""


def validate(request: Message) -> None:
    """Raise a refusal with every fault, in field order, the first one's text as its own.

    Its reason is INVALID_REQUEST, unless the first broken rule has one of its domain's: its id then ends with that, as
    in `amount.AMOUNT_MUST_NOT_BE_ZERO`."""
    faults = [_fault(request.DESCRIPTOR, each) for each in _validator.collect_violations(request)]
    if b"\0" in request.SerializeToString():  # a number's byte, or a text's
        known = {fault.path for fault in faults}
        faults += [fault for fault in _unstorable(request, (), "") if fault.path not in known]
    if faults:
        faults.sort(key=lambda fault: fault.order)
        refused = invalid((fault.path, fault.text) for fault in faults)
        if faults[0].reason:
            refused.reason, refused.domain = faults[0].reason, request.DESCRIPTOR.file.package
        raise refused


def invalid(fields: Iterable[tuple[str, str]]) -> Refused:
    """The refusal of a shape: (field path, text) in field order, at least one."""
    listed = tuple(fields)
    refused = _refuse(errors_pb2.PLATFORM_ERROR_INVALID_REQUEST, listed[0][1])
    refused.fields = listed
    return refused


def _fault(descriptor: Any, violation: Any) -> _Fault:
    order, path = _place(descriptor, violation.proto)
    return _Fault(order, path, _text(path, violation), _reason(violation.proto.rule_id))


def _unstorable(message: Any, order: tuple[int, ...], path: str) -> Iterator[_Fault]:
    """Texts with a NUL: Postgres has none, and a stream is named after what a text holds."""
    for field, value in message.ListFields():
        if field.type not in (field.TYPE_STRING, field.TYPE_MESSAGE):
            continue
        for index, each in enumerate(value if field.is_repeated else (value,)):
            place, name = (*order, field.number, index), f"{path}{field.name}" + f"[{index}]" * field.is_repeated
            if field.type == field.TYPE_MESSAGE:
                yield from _unstorable(each, place, f"{name}.")
            elif "\0" in each:
                yield _Fault(place, name, f"{_label(name)} cannot hold the character U+0000")


def _reason(rule_id: str) -> str:
    """The reason that the end of a rule's id gives; empty where it gives none."""
    reason = rule_id.rpartition(".")[2]
    return reason if reason.isupper() else ""


def _place(descriptor: Any, violation: Any) -> tuple[tuple[int, ...], str]:
    """Where a violation stands; a rule over the whole message has the name of the field that it is about as its id."""
    elements = violation.field.elements if violation.field else ()
    if not elements:
        about = descriptor.fields_by_name.get(violation.rule_id.partition(".")[0])
        return (about.number if about else 1_000_000,), about.name if about else ""
    order: list[int] = []
    names: list[str] = []
    for element in elements:
        subscript = element.subscript
        index = subscript.value if subscript is not None else None
        order += [element.field_number, index if isinstance(index, int) else 0]
        names.append(element.field_name if index is None else f"{element.field_name}[{index}]")
    return tuple(order), ".".join(names)


def _text(path: str, violation: Any) -> str:
    """The contract's own text where it has one; else the standard rule's, about the field by its name."""
    broken = violation.proto
    if broken.rule is None or any(element.field_name == "cel" for element in broken.rule.elements):
        return str(broken.message)
    return f"{_label(path)} {_standard(broken.rule_id, str(broken.message), violation)}"


def _label(path: str) -> str:
    """A field by its name, e.g. "Order id"."""
    field = path.removesuffix(".minor_units").rpartition(".")[2]
    return field.partition("[")[0].replace("_", " ").capitalize()


def _standard(rule: str, message: str, violation: Any) -> str:
    """What a rule of protovalidate's own says, in our words where it has a common case."""
    if rule in ("string.min_len", "string.max_len") and violation.rule_value != 1:
        return f"cannot be longer than {violation.rule_value} characters"
    if rule.startswith(("int32.gte", "int64.gte")):
        if violation.field_value < violation.rule_value:
            return "cannot be negative" if violation.rule_value == 0 else "must be greater than zero"
        return f"cannot be greater than {message.rpartition(' ')[2]}"
    if rule == "string.pattern":
        return f"must match {violation.rule_value}"
    return {"string.min_len": "cannot be empty", "required": "is required"}.get(rule, message)
