"""Structured logs: one line an event, as text or JSON, written in batches so that a line costs a command little."""

import asyncio
import atexit
import json
import logging
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

FLUSH_SECONDS = 0.05
FLUSH_LINES = 500


class BatchedOutput:
    """Collects lines and writes them together: after FLUSH_SECONDS, FLUSH_LINES, or at exit; at once without a loop."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        atexit.register(self.flush)

    def line(self, text: str) -> None:
        """Take one line, without its line break."""
        self._lines.append(text)
        if len(self._lines) >= FLUSH_LINES:
            self.flush()
        elif self._timer is None:
            self._schedule()

    def _schedule(self) -> None:
        try:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        except RuntimeError:  # no loop is running: nobody would flush later
            self.flush()

    def flush(self) -> None:
        """Write what has been collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


class _Printer:
    """What structlog calls for a finished line, whatever its level."""

    def __init__(self, output: BatchedOutput) -> None:
        self._line = output.line

    def msg(self, text: str) -> None:
        self._line(text)

    debug = info = warning = error = critical = exception = msg


def configure(service: str, log_format: LogFormat, level: LogLevel, stream: TextIO = sys.stdout) -> BatchedOutput:
    """Set the process's logging up; every line names the service. Gives the output, to be flushed before the end."""
    output = BatchedOutput(stream)
    structlog.configure(
        processors=[_renderer(service, _json if log_format == "json" else _console)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: _Printer(output),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    return output


Event = MutableMapping[str, Any]


def _renderer(service: str, spell: Callable[[str, str, str, Event], str]) -> Callable[[Any, str, Event], str]:
    """One processor that does all: a chain of five costs a command twice as much."""

    def render(logger: Any, method: str, event: Event) -> str:
        if "exc_info" in event:
            event = structlog.processors.format_exc_info(logger, method, event)
        return spell(datetime.now(UTC).isoformat(), method, service, event)

    return render


def _json(time: str, level: str, service: str, event: Event) -> str:
    return json.dumps({"time": time, "level": level, "service": service, **event}, ensure_ascii=False, default=str)


def _console(time: str, level: str, service: str, event: Event) -> str:
    """`time level service: what happened key=value …`, the exception below; whatever a caller sent stays one line."""
    head = f"{time} {level} {service}: {_plain(event.pop('event'))}"
    trace = event.pop("exception", "")
    pairs = "".join([f" {key}={_plain(value)}" for key, value in event.items()])
    return f"{head}{pairs}\n{trace}" if trace else head + pairs


def _plain(value: object) -> str:
    """A value without line breaks and other control characters: an id with one in it must not forge a line."""
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode()
