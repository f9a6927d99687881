"""StepSearch: a run's steps are found in its output by a process of the run's own.

A regular expression may take for ever, and what holds the runs must not; see
docs/decisions/0017. The process is never waited for: what it does not take is kept, within
a bound, and beyond that the search is given up. It ends by itself, whatever it is at: when
its input does, when nobody takes its answers, and when a pattern takes too long.
"""

import fcntl
import json
import os
import select
import signal
import sys
from collections.abc import Callable

from jobd.supervisor.instants import steady_s
from jobd.supervisor.loop import READABLE, WRITABLE, Loop, Timer
from jobd.supervisor.pieces import PIECE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE_S = 2.0  # for the last answer, once the run has ended
START_PATIENCE_S = 15.0  # that is how late a machine full of work may start a process
_PIPE_BYTES = 1 << 20
_WAITING_MAX_BYTES = 4 << 20
_ANSWER_MAX_BYTES = 1 << 16
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

Step = tuple[str, float]


class StepSearch:
    """Searches one run's output. ``on_step`` is told the present step, None between two;
    OSError when the process cannot be started."""

    def __init__(
        self,
        patterns: tuple[str, str | None],
        begun_s: float,
        loop: Loop,
        on_step: Callable[[Step | None], None],
    ) -> None:
        self.trouble = ""
        self.steps: list[tuple[str, float]] = []
        self._loop = loop
        self._on_step = on_step
        self._on_over: Callable[[], None] | None = None
        self._waiting = bytearray()
        self._answer = bytearray()
        self._is_ready = self._is_complete = self._is_ending = self._is_large = False
        self._timer: Timer | None = None
        self.pid, self._input, self._output = _start()
        loop.watch(self._output, READABLE, self._on_answer)
        self.feed(json.dumps(patterns).encode(), begun_s)

    def feed(self, data: bytes | memoryview, at: float) -> None:
        """Hand over a piece of output; never waits."""
        if self._input < 0:
            return
        self._waiting += PIECE.pack(at, len(data))
        self._waiting += data
        self._write()
        if len(self._waiting) > _WAITING_MAX_BYTES:
            self._give_up("the job wrote faster than its output could be searched")

    def finish(self, at: float, on_over: Callable[[], None]) -> None:
        """The run has ended; call back when its steps, or the trouble with them, are known."""
        self._on_over = on_over
        self.feed(b"", at)
        self._is_ending = True
        self._write()
        if self._output < 0:
            self._over()
            return
        self._wait_until(at + (PATIENCE_S if self._is_ready else START_PATIENCE_S))

    def _wait_until(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _write(self) -> None:
        if self._input < 0:
            return
        try:
            while self._waiting:
                del self._waiting[: os.write(self._input, self._waiting)]
        except BlockingIOError:
            if not self._is_large:
                self._is_large = True
                _enlarge(self._input)
            self._loop.watch(self._input, WRITABLE, self._write)
            return
        except OSError:  # it has ended, and its output says so
            self._close_input()
            return
        self._loop.unwatch(self._input)
        if self._is_ending:
            self._close_input()

    def _on_answer(self) -> None:
        answer = os.read(self._output, _ANSWER_MAX_BYTES)
        *lines, rest = (bytes(self._answer) + answer).split(b"\n")
        self._answer[:] = rest
        for line in lines:
            self._take(json.loads(line))
        if not answer:
            self._give_up("the search of its output ended early, a pattern may take too long")

    def _on_timer(self) -> None:
        """Its time is up. The answer may be there: we had others to see to, or slept."""
        was_ready = self._is_ready
        while self._output >= 0 and _is_readable(self._output):
            self._on_answer()
        if was_ready or not self._is_ready:  # else its time has only now begun
            self._give_up("the search took too long after the run's end")

    def _take(self, word: "dict[str, Any]") -> None:
        if "ready" in word:
            self._is_ready = True
            if self._is_ending:
                self._wait_until(steady_s() + PATIENCE_S)
        elif "steps" in word:
            self.steps = [(str(name), float(seconds)) for name, seconds in word["steps"]]
            self._is_complete = True
        elif word["step"] is None:
            self._on_step(None)
        else:
            name, since = word["step"]
            self._on_step((str(name), float(since)))

    def _give_up(self, trouble: str) -> None:
        """Hear no more of it, at the end or before; ``trouble``: why, if that is before."""
        self._close_input()
        if self._output >= 0:
            self._loop.unwatch(self._output)
            os.close(self._output)
            self._output = -1
            self.trouble = "" if self._is_complete else trouble
            self._on_step(None)
        self._over()

    def _over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        on_over, self._on_over = self._on_over, None
        if on_over is not None:
            on_over()

    def _close_input(self) -> None:
        self._waiting.clear()
        if self._input >= 0:
            self._loop.unwatch(self._input)
            os.close(self._input)
            self._input = -1


def _start() -> tuple[int, int, int]:
    """Return the pid of a new process, where to write its input, where to read its output."""
    stdin, input_ = os.pipe2(os.O_CLOEXEC)
    try:
        output, stdout = os.pipe2(os.O_CLOEXEC)
    except OSError:
        os.close(stdin)
        os.close(input_)
        raise
    try:
        pid = os.posix_spawn(
            sys.executable,
            # -S: what site-packages would load at start costs more than the search.
            [sys.executable, "-S", "-m", "jobd.supervisor.stepper"],
            {"PYTHONPATH": _PACKAGE, "PYTHONUTF8": "1"},
            file_actions=[(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGPROF, signal.SIGINT, signal.SIGHUP),
        )
    except BaseException:
        os.close(input_)
        os.close(output)
        raise
    finally:
        os.close(stdin)
        os.close(stdout)
    os.set_blocking(input_, False)
    return pid, input_, output


def _is_readable(fd: int) -> bool:
    poll = select.poll()  # select(2) knows no descriptors above 1023
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _enlarge(pipe: int) -> None:
    """Have room for what a busy run writes. Others need none: what an unprivileged user has in
    pipes is bounded (pipe(7), pipe-user-pages-soft), and beyond it all of theirs are tiny."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return  # an unprivileged user may have so much in pipes and no more
