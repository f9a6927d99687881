"""Stepper: the process that finds one run's steps in its output; see jobd.supervisor.step_search.

Standard input is the patterns, one line of JSON, and then the output: pieces with the instants
at which they were read. Standard output is JSON by lines: that it is ready, the present step when
it has changed, and at the end of the input all steps with the seconds that they took.
"""

import json
import os
import re
import resource
import select
import signal

from jobd.supervisor.pieces import PIECE
from jobd.supervisor.steps import Steps

LONGEST_LINE = 4096  # a pattern sees at most so much of a line, as with failure_pattern
# What a piece, 64 KiB at most, may take of a CPU. A sane pattern needs thousandths of a second.
# The kernel ends us then: no Python code runs while re is at work.
PATIENCE_S = 2.0
_MEMORY_MAX_BYTES = 512 << 20
_TELL_EVERY_S = 0.5
_READ = 1 << 20
_AHEAD_MAX_BYTES = 32 << 20


class Stepper:
    """Reads lines, and keeps the steps that they begin and end."""

    def __init__(self, start: str, end: str | None, begun_s: float) -> None:
        self.steps = Steps()
        self._start = re.compile(start)
        self._end = None if end is None else re.compile(end)
        self._begun_s = begun_s
        self._rest = b""

    def read(self, data: bytes, at: float) -> None:
        """Look at the lines that a piece completes."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:LONGEST_LINE]
        for line in lines:
            self._look_at(line, at)

    def finish(self, at: float) -> list[list[object]]:
        """Look at what has no line end, and return all steps."""
        if self._rest:
            self._look_at(self._rest, at)
        self.steps.end(at)
        return self.steps.totals()

    def _look_at(self, line: bytes, at: float) -> None:
        text = line[:LONGEST_LINE].removesuffix(b"\r").decode(errors="replace")
        found = self._start.search(text)
        if found is not None:
            self.steps.begin(found["step"] or "", at)
        elif self._end is not None and (found := self._end.search(text)) is not None:
            self.steps.end(at, self._seconds(found, at))

    def _seconds(self, found: re.Match[str], at: float) -> float | None:
        """Return what the job itself says that the step took, where it can have: output that
        waits in the job's buffer reaches us long after it was written."""
        said = found.groupdict().get("seconds")
        try:
            return None if said is None else min(max(0.0, float(said)), at - self._begun_s)
        except ValueError:
            return None


class Feed:
    """Cuts standard input into pieces. It reads ahead, so that a job that writes much at once
    is not too fast for us as long as it does not go on like that."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0.0
        self._is_at_end = False

    def next(self, patience_s: float | None = None) -> tuple[float, bytes] | None:
        """Return when the next piece was read, and the piece; None at the end of the input.

        When none comes within ``patience_s``, it is empty and as old as the last one.
        """
        self._read(0.0)
        while not self._is_whole():
            if self._is_at_end:
                return None
            if not self._read(patience_s):
                return self._at, b""
        self._at, size = PIECE.unpack_from(self._buffer)
        data = bytes(self._buffer[PIECE.size : PIECE.size + size])
        del self._buffer[: PIECE.size + size]
        return self._at, data

    def _read(self, patience_s: float | None) -> bool:
        """Read what there is, within a bound; return whether anything came in time."""
        came = False
        while len(self._buffer) < _AHEAD_MAX_BYTES and not self._is_at_end:
            if not select.select([0], [], [], patience_s)[0]:
                break
            more = os.read(0, _READ)
            self._buffer += more
            self._is_at_end = not more
            came, patience_s = True, 0.0
        return came

    def _is_whole(self) -> bool:
        has = len(self._buffer) - PIECE.size
        return has >= 0 and has >= PIECE.unpack_from(self._buffer)[1]


def main() -> None:
    """Answer until standard input ends."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody listens any more
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MAX_BYTES, _MEMORY_MAX_BYTES))
    _tell({"ready": True})
    signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)  # to be compiled takes its time, too
    feed = Feed()
    first = feed.next()
    if first is None:
        return
    at, patterns = first
    start, end = json.loads(patterns)
    stepper = Stepper(start, end, at)
    told, told_at = None, 0.0
    while _is_heard() and (
        piece := feed.next(None if stepper.steps.current == told else _TELL_EVERY_S)
    ):
        at, data = piece
        signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)
        stepper.read(data, at)
        if stepper.steps.current != told and (not data or at - told_at >= _TELL_EVERY_S):
            told, told_at = stepper.steps.current, at
            _tell({"step": told})
    _tell({"steps": stepper.finish(at)})


def _is_heard() -> bool:
    """Whether anybody reads our answers. A search that was given up has read much ahead, and
    would otherwise go on with that for minutes, without an answer to be stopped by."""
    answers = select.poll()
    answers.register(1, 0)  # an error, which a pipe without a reader is, is always told
    return not answers.poll(0)


def _tell(word: object) -> None:
    os.write(1, json.dumps(word).encode() + b"\n")


if __name__ == "__main__":
    main()
