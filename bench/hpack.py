"""Step 0 of a measured call: header bytes (HPACK, RFC 7541) as a load client sends and reads them, what gRPC needs.

The client announces a header table of size 0, so a peer may use the static table and literals only.
"""

from __future__ import annotations

from collections.abc import Mapping

_POST, _HTTP, _AUTHORITY, _PATH = 0x83, 0x86, 1, 4
_STATUS_NAME = b"grpc-status"


class HeaderError(ValueError):
    """A header block that this small reader does not understand; says which byte it met."""


def request_block(authority: str, path: str, metadata: Mapping[str, str] | None = None) -> bytes:
    """The header block of one gRPC request: literals without indexing, so that it can be sent any number of times."""
    block = bytes([_POST, _HTTP, _PATH]) + _text(path.encode()) + bytes([_AUTHORITY]) + _text(authority.encode())
    fields = {"te": "trailers", "content-type": "application/grpc", **(metadata or {})}
    return block + b"".join(b"\x00" + _text(name.encode()) + _text(value.encode()) for name, value in fields.items())


def grpc_status(block: bytes) -> int | None:
    """The status code in a block of trailers, None where there is none; a search, because it runs once a call."""
    at = block.find(_STATUS_NAME)
    if at < 0:
        return None
    start = at + len(_STATUS_NAME) + 1
    digits = block[start : start + block[start - 1]]
    return int(digits) if digits.isdigit() else None


def read_fields(block: bytes) -> dict[str, bytes]:
    """The literal fields of a block by name, none that is all in the static table; Huffman values stay coded."""
    fields: dict[str, bytes] = {}
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            _, at = _number(block, at, 7)
        elif first & 0xE0 == 0x20:
            _, at = _number(block, at, 5)
        else:
            name, value, at = _literal(block, at, 6 if first & 0x40 else 4)
            fields[name] = value
    return fields


def _literal(block: bytes, at: int, prefix: int) -> tuple[str, bytes, int]:
    index, at = _number(block, at, prefix)
    name = f"static-{index}".encode()
    if index == 0:
        name, at = _string(block, at)
    value, at = _string(block, at)
    return name.decode("ascii", "replace"), value, at


def _text(value: bytes) -> bytes:
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, coded = len(value) - 127, bytearray([127])
    while rest >= 128:
        coded.append(rest % 128 + 128)
        rest //= 128
    coded.append(rest)
    return bytes(coded) + value


def _number(block: bytes, at: int, prefix: int) -> tuple[int, int]:
    limit = (1 << prefix) - 1
    number, at, shift = block[at] & limit, at + 1, 0
    if number < limit:
        return number, at
    while True:
        if at >= len(block):
            raise HeaderError(f"The header block of {len(block)} bytes ends inside a number at byte {at}.")
        number += (block[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not block[at - 1] & 0x80:
            return number, at


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    size, start = _number(block, at, 7)
    if start + size > len(block):
        raise HeaderError(f"The header block of {len(block)} bytes ends inside a string at byte {start}.")
    return block[start : start + size], start + size
