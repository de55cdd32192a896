"""Step 0 of a measured call: one HTTP/2 connection (RFC 9113) that carries gRPC calls at a few microseconds each.

A call has one request; of several answers, as a watch gives them, the last one counts. It answers
SETTINGS and PING, honours the peer's stream limit, frame size and flow control, and reports broken calls.
"""

from __future__ import annotations

import asyncio
from typing import cast

from bench import frames, hpack
from bench.outgoing import Answers, Outgoing

UNKNOWN, UNAVAILABLE = 2, 14


class Connection(asyncio.Protocol):
    """One connection; `call` may be used at any time after `ready`, answers come on the loop's thread."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._out = Outgoing()
        self._rest, self._reading, self._credit, self._lost = b"", False, 0, ""
        self._on = {
            frames.DATA: self._data,
            frames.HEADERS: self._headers,
            frames.CONTINUATION: self._continuation,
            frames.RST_STREAM: self._reset,
            frames.SETTINGS: self._settings,
            frames.PING: self._ping,
            frames.GOAWAY: self._goaway,
            frames.WINDOW_UPDATE: self._window_update,
        }

    def call(self, block: bytes, body: bytes, waiter: Answers) -> None:
        """Send one unary call: a block of `hpack.request_block` and the serialised request."""
        if self._lost:
            waiter.answered(UNAVAILABLE, b"", self._lost)
            return
        self._out.offer(block, body, waiter)
        if not self._reading:
            self._flush()

    def close(self) -> None:
        """Close the connection; calls in flight end with status 14."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(frames.greeting())

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._lost or f"connection lost: {exc or 'closed'}"
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(self._lost))
        for waiter in self._out.abandon():
            waiter.answered(UNAVAILABLE, b"", self._lost)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        done, self._reading = 0, True
        for kind, flags, stream, payload, done in frames.split(data):  # noqa: B007  # where the last one ended
            handler = self._on.get(kind)
            if handler is not None:
                handler(flags, stream, payload)
        self._rest, self._reading = data[done:], False
        self._out.release()
        self._flush()

    def _flush(self) -> None:
        if self._out.bytes and self._transport is not None:
            self._transport.write(b"".join(self._out.bytes))
            self._out.bytes.clear()

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        self._credit += len(payload)
        if self._credit > 1 << 30:
            self._out.bytes.append(frames.frame(frames.WINDOW_UPDATE, 0, 0, frames.NUMBER.pack(self._credit)))
            self._credit = 0
        entry = self._out.streams.get(stream)
        if entry is not None:
            payload = frames.unpadded(flags, payload)
            entry.data = entry.data + payload if entry.data else payload
            if flags & frames.END_STREAM:
                self._finish(stream, UNKNOWN, "the answer ended without trailers")

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        entry = self._out.streams.get(stream)
        if entry is None:
            return
        payload = frames.unpadded(flags, payload)
        entry.block = payload[5:] if flags & frames.PRIORITY else payload
        if flags & frames.END_STREAM and flags & frames.END_HEADERS:
            self._trailers(stream, entry.block)

    def _continuation(self, flags: int, stream: int, payload: bytes) -> None:
        entry = self._out.streams.get(stream)
        if entry is not None:
            entry.block += payload
            if flags & frames.END_HEADERS and hpack.grpc_status(entry.block) is not None:
                self._trailers(stream, entry.block)

    def _trailers(self, stream: int, block: bytes) -> None:
        status = hpack.grpc_status(block)
        if status == 0:
            self._finish(stream, 0, "")
        elif status is None:
            self._finish(stream, UNKNOWN, "the answer carries no grpc-status")
        else:
            text = hpack.read_fields(block).get("grpc-message", b"").decode("ascii", "replace")
            self._finish(stream, status, text)

    def _finish(self, stream: int, status: int, text: str) -> None:
        entry = self._out.streams.pop(stream)
        message = frames.last_message(entry.data)
        if status == 0 and message is None:
            status, text = UNKNOWN, f"the answer is no whole uncompressed message ({len(entry.data)} bytes)"
        entry.waiter.answered(status, message or b"", text)

    def _reset(self, flags: int, stream: int, payload: bytes) -> None:
        if stream in self._out.streams:
            code = frames.NUMBER.unpack(payload)[0]
            self._finish(stream, UNAVAILABLE, f"stream reset by the server, code {code}")

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        if flags & frames.ACK:
            return
        self._out.apply(payload)
        self._out.bytes.append(frames.frame(frames.SETTINGS, frames.ACK, 0, b""))
        if not self.ready.done():
            self.ready.set_result(None)

    def _ping(self, flags: int, stream: int, payload: bytes) -> None:
        if not flags & frames.ACK:
            self._out.bytes.append(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _goaway(self, flags: int, stream: int, payload: bytes) -> None:
        self._lost = f"the server said goodbye, code {frames.NUMBER.unpack_from(payload, 4)[0]}"

    def _window_update(self, flags: int, stream: int, payload: bytes) -> None:
        if stream == 0:
            self._out.widen(frames.NUMBER.unpack(payload)[0] & frames.WIDEST)
