"""Logs: how records look and where they go.

Every record is a constant text with its data beside it, one line: key=value for a person
at a terminal, a JSON object for journald and the like.
"""

import json
import logging
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

_COLOURS = {"info": "32", "warning": "33", "error": "31", "critical": "31"}
_ENDS_WORD = frozenset(" =\"'\\")

# Made once: json.dumps would make one for each record.
_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode


def configure_logs(stream: TextIO, *, is_terminal: bool, level: str = "info") -> None:
    """Send every log record of this process, libraries' ones included, to ``stream``.

    ``is_terminal`` chooses key=value lines over JSON; colours come only if the stream is a
    terminal itself. Records below ``level`` cost next to nothing.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    render = _LineRenderer(stream.isatty()) if is_terminal else _render_json
    lines = _Lines(stream)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    _adopt_stdlib(lines, shared, render, max(threshold, logging.WARNING))


def get_log() -> FilteringBoundLogger:
    """Return a logger; call it once :func:`configure_logs` has been."""
    log: FilteringBoundLogger = structlog.get_logger()
    return log


class _Lines:
    """Writes finished lines. One that cannot be written is lost: the jobs matter more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with suppress(OSError):  # a terminal that is gone, a full disk, a closed pipe
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


class _Handler(logging.Handler):
    """Hands the records of libraries (aiohttp, asyncio) to the same lines."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.msg(self.format(record))


def _adopt_stdlib(
    lines: _Lines, shared: list[Processor], render: Processor, threshold: int
) -> None:
    handler = _Handler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)


def _render_json(_log: Any, _method: str, record: MutableMapping[str, Any]) -> str:
    at, level, text = record.pop("timestamp"), record.pop("level"), record.pop("event")
    return _encode({"timestamp": at, "level": level, "event": text, **record})


class _LineRenderer:
    """Renders a record as time, level, text and key=value pairs."""

    def __init__(self, is_coloured: bool) -> None:
        self._is_coloured = is_coloured

    def __call__(self, _log: Any, _method: str, record: MutableMapping[str, Any]) -> str:
        at, level = record.pop("timestamp"), record.pop("level")
        text, trace = record.pop("event"), record.pop("exception", "")
        head = f"{at} {self._paint(level)} {_readable(text, '')}"
        line = "".join((head, *self._pairs(record)))
        return f"{line}\n{trace}" if trace else line

    def _paint(self, level: str) -> str:
        padded = f"{level:<7}"
        return f"\x1b[{_COLOURS.get(level, '0')}m{padded}\x1b[0m" if self._is_coloured else padded

    def _pairs(self, record: Mapping[str, Any]) -> list[str]:
        if not self._is_coloured:
            return [f" {key}={_readable(str(value))}" for key, value in record.items()]
        return [f" \x1b[36m{key}\x1b[0m={_readable(str(value))}" for key, value in record.items()]


def _readable(text: str, ends_word: frozenset[str] | str = _ENDS_WORD) -> str:
    """Return ``text``, in quotes if it would not read as one word of printable characters.

    So nothing that a job or an operator names can forge a line or move the cursor.
    """
    if text and text.isprintable() and not any(char in ends_word for char in text):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
