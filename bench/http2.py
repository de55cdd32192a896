"""Step 0 of a measured call: one HTTP/2 connection (RFC 9113) that carries unary gRPC calls at a few microseconds each.

It answers SETTINGS and PING, honours the peer's stream limit, frame size and flow control, and reports broken calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from struct import Struct
from typing import Protocol, cast

from bench import hpack

_HEAD = Struct(">HBBBI")
_SETTING = Struct(">HI")
_MESSAGE = Struct(">BI")
_U32 = Struct(">I")
_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 1, 1, 4, 8, 32
_WIDEST = (1 << 31) - 1
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
UNKNOWN, UNAVAILABLE = 2, 14


class Answers(Protocol):
    """Whoever waits for one call: told its gRPC status, the answer's bytes and the text that came with an error."""

    def answered(self, status: int, message: bytes, text: str) -> None:
        """Called exactly once for each call, also when the connection breaks (status 14)."""


class _Stream:
    __slots__ = ("block", "data", "waiter")

    def __init__(self, waiter: Answers) -> None:
        self.waiter, self.data, self.block = waiter, b"", b""


class Connection(asyncio.Protocol):
    """One connection; `call` may be used at any time after `ready`, answers come on the loop's thread."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, _Stream] = {}
        self._waiting: deque[tuple[bytes, bytes, Answers]] = deque()
        self._out: list[bytes] = []
        self._next, self._rest, self._reading = 1, b"", False
        self._window, self._stream_window, self._limit, self._frame_size = 65_535, 65_535, _WIDEST, 16_384
        self._credit, self._lost = 0, ""
        self._on = {
            _DATA: self._data,
            _HEADERS: self._headers,
            _CONTINUATION: self._continuation,
            _RST: self._reset,
            _SETTINGS: self._settings,
            _PING: self._ping,
            _GOAWAY: self._goaway,
            _WINDOW: self._window_update,
        }

    def call(self, block: bytes, body: bytes, waiter: Answers) -> None:
        """Send one unary call: a block of `hpack.request_block` and the serialised request."""
        size = len(body) + 5
        if self._lost:
            waiter.answered(UNAVAILABLE, b"", self._lost)
        elif size > min(self._stream_window, self._frame_size):
            raise ValueError(f"A body of {len(body)} bytes does not fit one frame of the peer; use smaller bodies.")
        elif size > self._window or len(self._streams) >= self._limit or self._waiting:
            self._waiting.append((block, body, waiter))
        else:
            self._send(block, body, waiter)
            if not self._reading:
                self._flush()

    def close(self) -> None:
        """Close the connection; calls in flight end with status 14."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        settings = b"".join(_SETTING.pack(*pair) for pair in ((1, 0), (2, 0), (4, _WIDEST)))
        grow = _frame(_WINDOW, 0, 0, _U32.pack(_WIDEST - 65_535))
        self._transport.write(_PREFACE + _frame(_SETTINGS, 0, 0, settings) + grow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._lost or f"connection lost: {exc or 'closed'}"
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(self._lost))
        waiters = [stream.waiter for stream in self._streams.values()] + [entry[2] for entry in self._waiting]
        self._streams.clear()
        self._waiting.clear()
        for waiter in waiters:
            waiter.answered(UNAVAILABLE, b"", self._lost)

    def data_received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        data = self._rest + data if self._rest else data
        at, end, self._reading = 0, len(data), True
        while end - at >= 9:
            high, low, kind, flags, stream = _HEAD.unpack_from(data, at)
            stop = at + 9 + (high << 8 | low)
            if stop > end:
                break
            handler = self._on.get(kind)
            if handler is not None:
                handler(flags, stream & _WIDEST, data[at + 9 : stop])
            at = stop
        self._rest, self._reading = data[at:], False
        self._release()
        self._flush()

    def _send(self, block: bytes, body: bytes, waiter: Answers) -> None:
        stream, size = self._next, len(body) + 5
        self._next += 2
        self._window -= size
        self._streams[stream] = _Stream(waiter)
        head = _HEAD.pack(len(block) >> 8, len(block) & 255, _HEADERS, _END_HEADERS, stream)
        data = _HEAD.pack(size >> 8, size & 255, _DATA, _END_STREAM, stream)
        self._out += (head, block, data, _MESSAGE.pack(0, len(body)), body)

    def _flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def _release(self) -> None:
        while self._waiting and len(self._streams) < self._limit and len(self._waiting[0][1]) + 5 <= self._window:
            self._send(*self._waiting.popleft())

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        self._credit += len(payload)
        if self._credit > 1 << 30:
            self._out.append(_frame(_WINDOW, 0, 0, _U32.pack(self._credit)))
            self._credit = 0
        entry = self._streams.get(stream)
        if entry is not None:
            payload = payload[1 : len(payload) - payload[0]] if flags & _PADDED else payload
            entry.data = entry.data + payload if entry.data else payload
            if flags & _END_STREAM:
                self._finish(stream, UNKNOWN, "the answer ended without trailers")

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        entry = self._streams.get(stream)
        if entry is None:
            return
        if flags & _PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        entry.block = payload[5:] if flags & _PRIORITY else payload
        if flags & _END_STREAM and flags & _END_HEADERS:
            self._trailers(stream, entry.block)

    def _continuation(self, flags: int, stream: int, payload: bytes) -> None:
        entry = self._streams.get(stream)
        if entry is not None:
            entry.block += payload
            if flags & _END_HEADERS and hpack.grpc_status(entry.block) is not None:
                self._trailers(stream, entry.block)

    def _trailers(self, stream: int, block: bytes) -> None:
        status = hpack.grpc_status(block)
        if status == 0:
            self._finish(stream, 0, "")
        elif status is None:
            self._finish(stream, UNKNOWN, "the answer carries no grpc-status")
        else:
            self._finish(stream, status, hpack.read_fields(block).get("grpc-message", b"").decode("ascii", "replace"))

    def _finish(self, stream: int, status: int, text: str) -> None:
        entry = self._streams.pop(stream)
        if status == 0 and not _is_whole(entry.data):
            status, text = UNKNOWN, f"the answer is not one uncompressed message ({len(entry.data)} bytes)"
        entry.waiter.answered(status, entry.data[5:], text)

    def _reset(self, flags: int, stream: int, payload: bytes) -> None:
        if stream in self._streams:
            self._finish(stream, UNAVAILABLE, f"stream reset by the server, code {_U32.unpack(payload)[0]}")

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        if flags & _ACK:
            return
        for key, value in _SETTING.iter_unpack(payload):
            if key == 3:
                self._limit = value
            elif key == 4:
                self._stream_window = value
            elif key == 5:
                self._frame_size = value
        self._out.append(_frame(_SETTINGS, _ACK, 0, b""))
        if not self.ready.done():
            self.ready.set_result(None)

    def _ping(self, flags: int, stream: int, payload: bytes) -> None:
        if not flags & _ACK:
            self._out.append(_frame(_PING, _ACK, 0, payload))

    def _goaway(self, flags: int, stream: int, payload: bytes) -> None:
        self._lost = f"the server said goodbye, code {_U32.unpack_from(payload, 4)[0]}"

    def _window_update(self, flags: int, stream: int, payload: bytes) -> None:
        if stream == 0:
            self._window += _U32.unpack(payload)[0] & _WIDEST


def _is_whole(data: bytes) -> bool:
    return len(data) >= 5 and _MESSAGE.unpack_from(data) == (0, len(data) - 5)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload
