"""Logs: one record, one line, readable by whoever reads it, whatever is in it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from jobd.telemetry.logs import configure_logs, get_log


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A terminal whose window was closed."""

    def write(self, text: str) -> int:
        raise BrokenPipeError("gone")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def line_of(stream: io.StringIO) -> str:
    (line,) = stream.getvalue().splitlines()
    return line


def test_without_a_terminal_each_line_is_a_json_object() -> None:
    stream = io.StringIO()
    configure_logs(stream, is_terminal=False)
    get_log().info("run started", job="backup", attempt=1)
    record = json.loads(line_of(stream))
    assert record.pop("timestamp").endswith("Z")
    assert record == {"level": "info", "event": "run started", "job": "backup", "attempt": 1}


def test_on_a_terminal_a_line_is_key_value() -> None:
    stream = io.StringIO()
    configure_logs(stream, is_terminal=True)
    get_log().warning("tick skipped", job="backup", detail="paused by anna", count=3)
    _, _, rest = line_of(stream).partition(" warning ")
    assert rest == 'tick skipped job=backup detail="paused by anna" count=3'


def test_colours_are_for_terminals_only() -> None:
    for stream, is_coloured in ((Terminal(), True), (io.StringIO(), False)):
        configure_logs(stream, is_terminal=True)
        get_log().error("claims fail", error="disk full")
        assert ("\x1b[31m" in stream.getvalue()) is is_coloured


@pytest.mark.parametrize("is_terminal", [True, False])
@given(text=st.text())
def test_no_text_can_forge_a_line_or_move_the_cursor(is_terminal: bool, text: str) -> None:
    """An operator's reason, or a job's error, is somebody else's text."""
    stream = io.StringIO()
    configure_logs(stream, is_terminal=is_terminal)
    get_log().info("tick skipped", detail=text)
    written = stream.getvalue()
    assert written.endswith("\n")
    assert written[:-1].isprintable()


def test_records_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure_logs(stream, is_terminal=False, level="warning")
    get_log().info("run started")
    get_log().warning("run ended")
    assert json.loads(line_of(stream))["event"] == "run ended"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_library_s_record_has_the_same_shape(is_terminal: bool) -> None:
    stream = io.StringIO()
    configure_logs(stream, is_terminal=is_terminal)
    logging.getLogger("aiohttp.server").warning("bad request from %s", "127.0.0.1")
    logging.getLogger("aiohttp.access").info("GET /metrics")
    line = line_of(stream)
    assert "bad request from 127.0.0.1" in line
    assert "aiohttp.server" in line


def test_a_traceback_is_one_json_line() -> None:
    stream = io.StringIO()
    configure_logs(stream, is_terminal=False)
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        logging.getLogger("asyncio").exception("task failed")
    assert "RuntimeError: boom" in json.loads(line_of(stream))["exception"]


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    """``jobd run | head`` ends the log, not the jobs."""
    configure_logs(Gone(), is_terminal=False)
    get_log().info("run started")
    logging.getLogger("aiohttp").error("nobody reads this")


def test_an_unknown_kind_of_value_is_written_as_text() -> None:
    stream = io.StringIO()
    configure_logs(stream, is_terminal=False)
    value: Any = io.StringIO
    get_log().info("run started", value=value)
    assert json.loads(line_of(stream))["value"] == str(value)
