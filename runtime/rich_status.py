"""How a refusal reaches its caller: google.rpc.Status with ErrorInfo, BadRequest and RetryInfo, and a message id."""

from collections.abc import Sequence
from typing import NamedTuple

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from runtime.refusals import Refused

MESSAGE_ID = "obverse-message-id"
"""The trailing metadata key of the id that every answer carries."""

LARGEST_DETAILS_BYTES = 5 * 1024
"""Trailing metadata is limited to 8 KiB in many clients, and binary details grow by a third on the wire."""

LONGEST_TEXT = 300

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RichStatus(NamedTuple):
    """What `context.abort_with_status` takes."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


def rich_status(refused: Refused, message_id: str) -> RichStatus:
    """The status of a refusal; its details stay under LARGEST_DETAILS_BYTES."""
    status = Status(code=refused.code, message=_short(refused.text))
    _add(status, ErrorInfo(reason=refused.reason, domain=refused.domain, metadata=_short_values(refused)))
    if refused.retry_seconds is not None:
        _add(
            status,
            RetryInfo(
                retry_delay=Duration(nanos=int(refused.retry_seconds % 1 * 1e9), seconds=int(refused.retry_seconds))
            ),
        )
    if refused.fields:
        _add(status, _bad_request(refused.fields, LARGEST_DETAILS_BYTES - status.ByteSize()))
    trailing = ((MESSAGE_ID, message_id), ("grpc-status-details-bin", status.SerializeToString()))
    return RichStatus(_CODES[refused.code], status.message, trailing)


def _add(status: Status, detail: ErrorInfo | RetryInfo | BadRequest) -> None:
    packed = Any()
    packed.Pack(detail)
    status.details.append(packed)


def _bad_request(fields: Sequence[tuple[str, str]], room: int) -> BadRequest:
    """As many violations as there is room for; the last one says how many more there are."""
    request = BadRequest()
    for number, (path, text) in enumerate(fields):
        violation = BadRequest.FieldViolation(field=_short(path), description=_short(text))
        room -= violation.ByteSize() + 4
        if room < LONGEST_TEXT:
            request.field_violations.add(description=f"and {len(fields) - number} more")
            break
        request.field_violations.append(violation)
    return request


def _short_values(refused: Refused) -> dict[str, str]:
    return {key: _short(value) for key, value in refused.metadata.items()}


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
