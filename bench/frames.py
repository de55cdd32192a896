"""Step 0 of a measured call: HTTP/2 frames (RFC 9113, section 6) as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
WIDEST = (1 << 31) - 1
"""The largest window and stream number; as a mask it takes the reserved bit off."""

HEAD = Struct(">HBBBI")
"""Length (two fields), kind, flags, stream; the reserved bit is in the last."""
SETTING = Struct(">HI")
MESSAGE = Struct(">BI")
"""gRPC's prefix of a message: compressed or not, length."""
NUMBER = Struct(">I")
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_NO_TABLE, _NO_PUSH, _WIDE_STREAMS = (1, 0), (2, 0), (4, WIDEST)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One whole frame."""
    return HEAD.pack(len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload


def call_frames(stream: int, block: bytes, body: bytes) -> tuple[bytes, ...]:
    """The pieces of a whole unary call: HEADERS with a complete block, one DATA frame that ends the stream."""
    size = len(body) + MESSAGE.size
    head = HEAD.pack(len(block) >> 8, len(block) & 255, HEADERS, END_HEADERS, stream)
    data = HEAD.pack(size >> 8, size & 255, DATA, END_STREAM, stream)
    return head, block, data, MESSAGE.pack(0, len(body)), body


def greeting() -> bytes:
    """What a client says first: no header table, no push, windows as wide as they get."""
    settings = b"".join(SETTING.pack(*pair) for pair in (_NO_TABLE, _NO_PUSH, _WIDE_STREAMS))
    return _PREFACE + frame(SETTINGS, 0, 0, settings) + frame(WINDOW_UPDATE, 0, 0, NUMBER.pack(WIDEST - 65_535))


def split(data: bytes) -> Iterator[tuple[int, int, int, bytes, int]]:
    """The whole frames at the start of `data`: kind, flags, stream, payload, and where the frame ends."""
    at, end = 0, len(data)
    while end - at >= HEAD.size:
        high, low, kind, flags, stream = HEAD.unpack_from(data, at)
        stop = at + HEAD.size + (high << 8 | low)
        if stop > end:
            return
        yield kind, flags, stream & WIDEST, data[at + HEAD.size : stop], stop
        at = stop


def unpadded(flags: int, payload: bytes) -> bytes:
    """The payload of a DATA or HEADERS frame without its padding."""
    return payload[1 : len(payload) - payload[0]] if flags & PADDED else payload


def last_message(data: bytes) -> bytes | None:
    """The last of the uncompressed gRPC messages that these bytes are, one at least; None when they are not."""
    at, end, last = 0, len(data), None
    while end - at >= MESSAGE.size:
        compressed, size = MESSAGE.unpack_from(data, at)
        start, at = at + MESSAGE.size, at + MESSAGE.size + size
        if compressed or at > end:
            return None
        last = data[start:at]
    return last if at == end else None
