"""Step 0 of a measured call: what may be sent now, and what waits for the peer's windows and stream limit."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from bench import frames


class Answers(Protocol):
    """Whoever waits for one call: told its gRPC status, the answer's bytes and the text that came with an error."""

    def answered(self, status: int, message: bytes, text: str) -> None:
        """Called exactly once for each call, also when the connection breaks (status 14)."""


class Stream:
    """One call under way: who waits for it, and what of its answer is here."""

    __slots__ = ("block", "data", "waiter")

    def __init__(self, waiter: Answers) -> None:
        self.waiter, self.data, self.block = waiter, b"", b""


class Outgoing:
    """The sending half of a connection: the streams that it opened, and bytes for the next write."""

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}
        self.bytes: list[bytes] = []
        self._waiting: deque[tuple[bytes, bytes, Answers]] = deque()
        self._next, self._window, self._stream_window = 1, 65_535, 65_535
        self._limit, self._frame_size = frames.WIDEST, 16_384

    def offer(self, block: bytes, body: bytes, waiter: Answers) -> None:
        """Send a call as soon as the peer lets us; ValueError when it is larger than one frame may be."""
        size = len(body) + frames.MESSAGE.size
        if size > min(self._stream_window, self._frame_size):
            raise ValueError(f"A body of {len(body)} bytes does not fit one frame of the peer; use smaller bodies.")
        if size > self._window or len(self.streams) >= self._limit or self._waiting:
            self._waiting.append((block, body, waiter))
        else:
            self._send(block, body, waiter)

    def release(self) -> None:
        """Send what waits and may go by now."""
        while self._waiting and len(self.streams) < self._limit and self._fits(self._waiting[0][1]):
            self._send(*self._waiting.popleft())

    def widen(self, by: int) -> None:
        """The peer's connection window grew."""
        self._window += by

    def apply(self, settings: bytes) -> None:
        """The payload of the peer's SETTINGS."""
        for key, value in frames.SETTING.iter_unpack(settings):
            if key == 3:
                self._limit = value
            elif key == 4:
                self._stream_window = value
            elif key == 5:
                self._frame_size = value

    def abandon(self) -> list[Answers]:
        """Forget every call; those who wait for one."""
        waiters = [stream.waiter for stream in self.streams.values()] + [entry[2] for entry in self._waiting]
        self.streams.clear()
        self._waiting.clear()
        return waiters

    def _fits(self, body: bytes) -> bool:
        return len(body) + frames.MESSAGE.size <= self._window

    def _send(self, block: bytes, body: bytes, waiter: Answers) -> None:
        stream = self._next
        self._next += 2
        self._window -= len(body) + frames.MESSAGE.size
        self.streams[stream] = Stream(waiter)
        self.bytes += frames.call_frames(stream, block, body)
