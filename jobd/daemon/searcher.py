"""Searcher: the process that looks for patterns in output files; see :mod:`jobd.daemon.searches`.

The first line that goes out, ``true``, says that it is ready. Then a line ``[path, pattern]`` in
JSON comes in, a line goes out: ``true``, ``false``, or in words why the file could not be
searched. Nothing but the standard library: it starts in a few hundredths of a second.
"""

import json
import re
import signal
import sys

from jobd.supervisor.output import read_slice

LONGEST_LINE = 4096  # a pattern sees at most so much of a line: bounded memory for any output
_PIECE_BYTES = 1 << 16


def main() -> None:
    """Answer until standard input ends."""
    # Both come to all processes at once, the daemon's stop and Ctrl-C. What is being judged
    # then is judged still, or left to the next daemon; the daemon ends this process.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    _tell(True)
    for line in sys.stdin:
        _tell(_answer(*json.loads(line)))


def _tell(answer: bool | str) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def has_match(path: str, pattern: re.Pattern[str]) -> bool:
    """Tell whether a line of the output that is kept matches the pattern anywhere.

    A run that wrote nothing has no file, and no line. ``OSError`` or ``ValueError`` when
    the file is there and cannot be read.
    """
    rest, offset = b"", 0
    while (piece := _read(path, offset))[0]:
        data, offset, skipped = piece
        # What comes before a dropped middle does not go on behind it.
        *lines, rest = (rest + (b"\n" if skipped else b"") + data).split(b"\n")
        rest = rest[:LONGEST_LINE]
        if any(_matches(line, pattern) for line in lines):
            return True
    return bool(rest) and _matches(rest, pattern)  # behind the last newline is no line


def _answer(path: str, pattern: str) -> bool | str:
    try:
        return has_match(path, re.compile(pattern))
    except (OSError, ValueError, re.error) as error:
        return str(error)


def _read(path: str, offset: int) -> tuple[bytes, int, int]:
    try:
        return read_slice(path, offset, _PIECE_BYTES)
    except FileNotFoundError:
        return b"", offset, 0


def _matches(line: bytes, pattern: re.Pattern[str]) -> bool:
    text = line[:LONGEST_LINE].removesuffix(b"\r").decode(errors="replace")
    return pattern.search(text) is not None


if __name__ == "__main__":
    main()
