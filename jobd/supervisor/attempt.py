"""Attempt: one child and its tree, from its execution until nobody of it is left.

The law::

    running ── main process reaped ──> ending ── tree gone ──> over
        └── stop, deadline, memory: a signal, later SIGKILL ──┘

The end is the end of the tree, not of the main process and not of a pipe.
"""

import os
import signal
from collections.abc import Callable

from jobd.supervisor.deadlines import Deadlines
from jobd.supervisor.instants import steady_s, wall_s
from jobd.supervisor.loop import READABLE, URGENT, Loop, Timer
from jobd.supervisor.mailboxes import Mailbox
from jobd.supervisor.memory import MemoryWatch
from jobd.supervisor.output import Recorder
from jobd.supervisor.redaction import Redactor
from jobd.supervisor.spec import Spec
from jobd.supervisor.tree import Tree, signal_all
from jobd.supervisor.voice import Voice

_CHUNK = 1 << 16  # what a pipe holds
_DRAIN_CHUNKS = 32  # a child may have enlarged its pipe to 1 MiB; twice that ends it
_LOOK_AGAIN_S = (0.01, 0.5)  # whether descendants are gone: first after, at last every
_TALKED_OFF = ("watchdog", "timeout")  # what a run can prevent by a message that is in time
_buffer = bytearray(_CHUNK)
_view = memoryview(_buffer)


class Attempt:
    """Holds one attempt; tells ``on_over`` when it is over, and ``exit`` and ``voice`` say how
    it was. ``box``: where it may send what it has to say of itself."""

    def __init__(
        self,
        spec: Spec,
        tree: Tree,
        loop: Loop,
        watches_memory: bool,
        box: Mailbox | None = None,
    ) -> None:
        self.spec = spec
        self.started_at = 0.0
        self.exit: dict[str, object] | None = None
        self.on_over: Callable[[Attempt], None] = _ignore
        self._tree = tree
        self._loop = loop
        self._redactor = Redactor(spec.secrets)
        self._recorder = Recorder(spec.output, spec.output_max)
        self._deadlines = Deadlines(
            spec.timeout_s, spec.kill_after_s, spec.until_s, spec.watchdog_s
        )
        self.voice = Voice(spec, box, loop, self._deadlines)
        self._memory: MemoryWatch | None = None
        if spec.memory_max is not None:
            self._memory = MemoryWatch(tree, spec.memory_max, loop, self._exceed, watches_memory)
        self._pipe = self._end_signal = -1
        self._status: int | None = None
        self._cpu_s = 0.0
        self._memory_peak: int | None = None
        self._oom_killed = False
        self._cause: str | None = None
        self._timer: Timer | None = None
        self._kill_timer: Timer | None = None
        self._kill_due: float | None = None  # when the latter fires
        self._kill_again_at: float | None = None  # set once SIGKILL has been sent
        self._look_at: float | None = None
        self._look_every_s = self._kill_every_s = _LOOK_AGAIN_S[0]
        self._begun_s = 0.0

    def begin(self, pid: int, pipe: int) -> None:
        """The child has executed its program; ``pipe`` is where its output comes from."""
        self.started_at, self._begun_s = wall_s(), steady_s()
        self._pipe = pipe
        self._tree.root(pid)
        self._loop.watch(pipe, READABLE, self._on_output)
        self._deadlines.begin(self._begun_s)
        self.voice.begin(self._begun_s)
        if self._memory is not None:
            self._memory.begin(self._begun_s)
        self._arm()

    def stop(self, cause: str) -> None:
        """End the tree: its stop signal now, SIGKILL later; the first cause counts."""
        if self.exit is not None or self._deadlines.is_stopping:
            return
        self._cause = self._cause or cause
        self._deadlines.stop(steady_s())
        self._arm()  # first: SIGKILL must follow, whatever befalls us here
        pids = self._tree.pids()
        signal_all(pids, self.spec.stop_signal)
        signal_all(pids, signal.SIGCONT)  # who is stopped could not act on it

    def kill(self, cause: str) -> None:
        """End the tree at once."""
        if self.exit is None:
            self._cause = self._cause or cause
            self._kill()

    def extend(self, until: float | None) -> None:
        """Set the instant by which the tree must be dead; None: only its timeout counts."""
        self._deadlines.extend(until, steady_s())
        self._arm()

    def main_exited(self, status: int, cpu_s: float, memory_peak: int | None) -> None:
        """The main process has been reaped. The run is over if nobody else is left."""
        self._status, self._cpu_s, self._memory_peak = status, cpu_s, memory_peak
        if self._conclude():
            return
        end_signal = self._tree.open_end_signal()
        if end_signal is not None:
            self._end_signal = end_signal
            self._loop.watch(end_signal, URGENT, self._on_change)
        self._look_at = steady_s() + self._look_every_s
        self._arm()

    def _conclude(self) -> bool:
        """End the attempt if its tree is gone; return whether it is over."""
        if self.exit is not None or self._status is None:
            return self.exit is not None
        usage = self._tree.usage()
        if not self._tree.dissolve():
            return False
        ended_s = steady_s()
        for _ in range(_DRAIN_CHUNKS):
            if not self._record_chunk():
                break
        watched = self._memory.peak if self._memory is not None else None
        self._release()
        self.exit = {
            **_status_words(self._status),
            "stop_cause": self._cause,
            "oom_killed": self._oom_killed or usage.oom_kills > 0,
            "duration_s": ended_s - self._begun_s,
            "cpu_s": self._cpu_s if usage.cpu_s is None else usage.cpu_s,
            "memory_peak_bytes": usage.memory_peak or watched or self._memory_peak,
            "output_bytes": self._recorder.total,
            "output_dropped_bytes": self._recorder.dropped,
        }
        self.voice.end(ended_s, lambda: self.on_over(self))
        return True

    def _release(self) -> None:
        self._disarm()
        self._close_pipe()
        if self._end_signal >= 0:
            self._loop.unwatch(self._end_signal)
            os.close(self._end_signal)
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        self._recorder.close()

    def _on_output(self) -> None:
        if not self._record_chunk():
            self._close_pipe()

    def _record_chunk(self) -> bool:
        """Take one chunk from the pipe; return whether there may be more, now or later."""
        if self._pipe < 0:
            return False
        try:
            size = os.readv(self._pipe, [_buffer])
        except BlockingIOError:
            return self._status is None
        if size:
            self._keep(self._redactor.feed(_view[:size]))
        return size > 0

    def _keep(self, output: memoryview) -> None:
        if not output:
            return
        self._recorder.write(output)
        self.voice.heard(output)

    def _close_pipe(self) -> None:
        if self._pipe >= 0:
            self._loop.unwatch(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
            self._keep(self._redactor.rest())

    def _on_change(self) -> None:
        os.pread(self._end_signal, 4096, 0)  # rearms the signal
        self._conclude()

    def _exceed(self, is_ours: bool) -> None:
        """The tree met its memory ceiling; ``is_ours``: the kernel has not killed for it."""
        self._oom_killed = True
        if is_ours:
            self._cause = self._cause or "memory"
        self._kill()

    def _kill(self) -> None:
        """Send SIGKILL to all, now and again until nobody is left."""
        now = steady_s()
        self._deadlines.kill(now)
        self._kill_every_s = min(self._kill_every_s * 2, _LOOK_AGAIN_S[1])
        self._kill_again_at = now + self._kill_every_s
        self._arm()
        if not self._tree.strike():
            self._loop.follow_up(self._pursue)

    def _pursue(self) -> None:
        """Kill whoever the blow did not reach. Others that are due get theirs before that."""
        if self.exit is None:
            self._tree.kill()

    def _on_kill_timer(self) -> None:
        self._kill_timer = self._kill_due = None
        self._cause = self._cause or self._deadlines.due_cause(steady_s())
        self._kill()

    def _on_timer(self) -> None:
        now = steady_s()
        cause = self._deadlines.due_cause(now)
        if cause in _TALKED_OFF:
            self.voice.hear_out()
            cause = self._deadlines.due_cause(now)
        if cause is not None:
            self.stop(cause)
        if self._memory is not None:
            self._memory.look(now)
        if self._kill_again_at is not None and self._kill_again_at <= now:
            self._kill()
        if self._look_at is not None and self._look_at <= now:
            self._look_every_s = min(self._look_every_s * 2, _LOOK_AGAIN_S[1])
            self._look_at = now + self._look_every_s
            self._conclude()
        self._arm()

    def _arm(self) -> None:
        """Have the timers fire at the next instants at which something may be due."""
        if self.exit is not None:
            self._disarm()
            return
        self._arm_kill()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        instants = (
            self._deadlines.stop_instant(),
            self._kill_again_at,
            self._look_at,
            self._memory.look_at if self._memory is not None else None,
        )
        due = [instant for instant in instants if instant is not None]
        if due:
            self._timer = self._loop.call_at(min(due), self._on_timer)

    def _arm_kill(self) -> None:
        """The first SIGKILL has a timer of its own: nothing else that is due may delay it."""
        due = self._deadlines.kill_instant() if self._kill_again_at is None else None
        if due == self._kill_due:
            return
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._kill_due, self._kill_timer = due, None
        if due is not None:
            self._kill_timer = self._loop.call_at(due, self._on_kill_timer, is_urgent=True)

    def _disarm(self) -> None:
        for timer in (self._timer, self._kill_timer):
            if timer is not None:
                timer.cancel()


def _status_words(status: int) -> dict[str, object]:
    code = os.waitstatus_to_exitcode(status)
    return {"exit_code": code if code >= 0 else None, "signal": -code if code < 0 else None}


def _ignore(attempt: Attempt) -> None:
    """Nobody waits for the end yet."""
