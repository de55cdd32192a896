"""Log lines: one event a line, whatever a caller sent."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from runtime import logs


@pytest.fixture(autouse=True)
def _fresh_structlog() -> Iterator[None]:
    """The configuration is the process's: what a test sets, the next ones must not write to."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def written(log_format: logs.LogFormat) -> tuple[structlog.typing.FilteringBoundLogger, io.StringIO]:
    stream = io.StringIO()
    logs.configure("test", log_format, "info", stream)
    return structlog.get_logger(), stream


def test_a_line_break_in_a_value_forges_no_line() -> None:
    log, stream = written("console")
    log.info("Read model updated for cart a\nb due to X", key="user\n2026 info test: forged")
    assert stream.getvalue().count("\n") == 1
    assert r"user\n2026 info test: forged" in stream.getvalue()


def test_json_lines_carry_every_field() -> None:
    log, stream = written("json")
    log.warning("what happened", key="ä\n", count=2)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["key"], line["count"], line["level"], line["service"]) == (
        "what happened", "ä\n", 2, "warning", "test",
    )  # fmt: skip


def test_what_is_below_the_level_is_not_written() -> None:
    log, stream = written("console")
    log.debug("quiet")
    assert stream.getvalue() == ""
