"""Frames between daemon and supervisor: one JSON object a line, each of bounded size.

From the daemon: ``hello`` (must be first; with ``said``: it wants frames of that kind),
``start`` {launch}, ``stop`` {run, cause},
``extend`` {untils} (run to instant or null; older daemons: {run, until}), ``forget`` {runs},
``release``, ``shutdown``.
From the supervisor: ``held`` (one a run) and ``welcome`` {since, enforcement, leases, watchdogs}
in answer to hello (``leases`` is missing where ``until_steady_s`` of a launch is not understood,
``watchdogs`` where its ``watchdog_s`` is not);
``started``, ``not_started``, ``ended`` {run, …, steps}, ``said`` {run, …}; ``error``
{message}; ``bye``.
The kind stands under ``op`` there and under ``ev`` here.
"""

import json

VERSION = 1
# The kernel takes at most 6 MiB of arguments and environment (execve(2)); JSON escapes
# can double what is not ASCII.
MAX_FRAME = 16 << 20


class BadFrame(Exception):
    """A line that is no frame; the message says why."""


class FrameTooLong(Exception):
    """More than MAX_FRAME bytes without an end of line: the stream cannot be trusted."""


def encode(frame: dict[str, object]) -> bytes:
    """Return the frame as a line. Lone surrogates (bytes that are no UTF-8) survive."""
    return _encode(frame).encode() + b"\n"


def decode(line: bytes | bytearray) -> dict[str, object]:
    """Return the line's frame; :class:`BadFrame` if it is none."""
    try:
        frame = _decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"not JSON: {error}") from None
    if not isinstance(frame, dict):
        raise BadFrame("a frame is a JSON object")
    return frame


class FrameSplitter:
    """Cuts a stream of bytes into lines; holds at most one frame and what came after it."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._max_frame = max_frame

    def feed(self, data: bytes) -> None:
        """Take in what was read."""
        self._buffer += data

    def count(self) -> int:
        """Return how many whole lines wait."""
        return self._buffer.count(b"\n")

    def next_line(self) -> bytearray | None:
        """Return the next whole line without its end, or None when more must be read."""
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > self._max_frame:
                raise FrameTooLong
            return None
        line = self._buffer[:end]
        del self._buffer[: end + 1]
        self._searched = 0
        if len(line) > self._max_frame:
            raise FrameTooLong
        return line


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no number")


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
