"""Voice: what one run says of itself while it runs, and what follows from it.

It says it on its socket, and in its output where the job tells how to find it there.

A run may say anything, as often and as much as it likes: so many messages are taken in a
moment, and what comes beyond that waits in the run's own queue until its senders wait or are
told that it is full. All that is kept of it is bounded.
"""

from collections.abc import Callable

from jobd.supervisor import notices
from jobd.supervisor.deadlines import Deadlines
from jobd.supervisor.instants import steady_s, wall_s
from jobd.supervisor.journal import say
from jobd.supervisor.loop import READABLE, Loop, Timer
from jobd.supervisor.mailboxes import LONGEST_MESSAGE, Mailbox
from jobd.supervisor.redaction import Redactor
from jobd.supervisor.spec import Spec
from jobd.supervisor.step_search import Step, StepSearch
from jobd.supervisor.steps import Steps

_MOMENT_S = 0.1
_TAKEN_IN_A_MOMENT = 32
# What systemd lets wait in such a socket (net.unix.max_dgram_qlen); those who send meanwhile
# find no end of it either.
_HEARD_OUT_AT_MOST = 512
_HEARD_OUT_EVERY_S = 1.0

Words = dict[str, object]


class Voice:
    """Listens to one mailbox, if the run has one; ``on_news`` is called when there is
    something new to show."""

    def __init__(self, spec: Spec, box: Mailbox | None, loop: Loop, deadlines: Deadlines) -> None:
        self.on_news: Callable[[str, Voice], None] = _ignore
        self.trouble = ""  # why its steps are not known
        self._run_id = spec.run_id
        self._patterns = spec.steps
        self._redacted = Redactor(spec.secrets).once
        self._search: StepSearch | None = None
        self._box = box
        self._loop = loop
        self._deadlines = deadlines
        self._steps = Steps()
        self._step: Step | None = None  # whoever told of one last
        self._status = ""
        self._progress: float | None = None
        self._moment_at = 0.0
        self._taken = 0
        self._heard_out_at = 0.0
        self._pause: Timer | None = None

    def begin(self, now: float) -> None:
        """The run is there."""
        self._watch()
        if self._patterns is not None:
            try:
                self._search = StepSearch(self._patterns, now, self._loop, self._found)
            except OSError as error:
                self.trouble = f"no process for the search: {error.strerror}"

    @property
    def helper(self) -> int | None:
        """The process that searches the output for steps, if there is one."""
        return None if self._search is None else self._search.pid

    def heard(self, output: memoryview) -> None:
        """Take a piece of the run's output."""
        if self._search is not None:
            self._search.feed(output, steady_s())

    def listen(self) -> None:
        """Take what has come, and no more than is taken in a moment."""
        if self._box is None or self._pause is not None:
            return
        now = steady_s()
        if now - self._moment_at >= _MOMENT_S:
            self._moment_at, self._taken = now, 0
        self._taken += self._take(_TAKEN_IN_A_MOMENT - self._taken, now)
        if self._taken == _TAKEN_IN_A_MOMENT:
            self._loop.unwatch(self._box.fd)
            self._pause = self._loop.call_at(self._moment_at + _MOMENT_S, self._go_on)

    def hear_out(self) -> None:
        """Take all that waits, before the run is judged: we may have slept while it came, or
        what matters waits behind what does not. Not at every turn, or a run that asks for more
        time by the microsecond would have us read without end."""
        now = steady_s()
        if now - self._heard_out_at >= _HEARD_OUT_EVERY_S:
            self._heard_out_at = now
            self._take(_HEARD_OUT_AT_MOST, now)

    @property
    def has_spoken(self) -> bool:
        """Whether there is anything to show."""
        return bool(self._status) or self._progress is not None or self._step is not None

    def words(self) -> Words:
        """Return what there is to show."""
        step, since = self._step or (None, None)
        return {
            "status": self._status,
            "progress": self._progress,
            "step": step,
            "step_since": None if since is None else wall_s() - (steady_s() - since),
        }

    def end(self, at: float, on_over: Callable[[], None]) -> None:
        """The run has ended; call back when its steps are known, within a moment."""
        self._take(_HEARD_OUT_AT_MOST, at)
        self._steps.end(at)
        self._close()
        if self._search is None:
            on_over()
        else:
            self._search.finish(at, on_over)

    def steps(self) -> list[list[object]]:
        """Return the steps of a run that is over, each with the seconds that it took."""
        if self._search is None:
            return self._steps.totals()
        self.trouble = self._search.trouble
        for name, seconds in self._search.steps:
            self._steps.add(name, seconds)
        return self._steps.totals()

    def _close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        if self._box is None:
            return
        if self._box.dropped:
            say(
                f"run {self._run_id}: {self._box.dropped} messages of more than "
                f"{LONGEST_MESSAGE} bytes to its NOTIFY_SOCKET were dropped"
            )
        self._loop.unwatch(self._box.fd)
        self._box.close()
        self._box = None

    def _go_on(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
            self._watch()

    def _watch(self) -> None:
        if self._box is not None:
            self._loop.watch(self._box.fd, READABLE, self.listen)

    def _found(self, step: Step | None) -> None:
        """The search has found that another step has begun, or that one has ended."""
        self._step = step
        self.on_news(self._run_id, self)

    def _take(self, most: int, now: float) -> int:
        """Hear what has come; return how many messages that were."""
        taken, is_news = 0, False
        while self._box is not None and taken < most and (message := self._box.take()) is not None:
            taken += 1
            is_news = self._hear(message, now) or is_news
        if is_news:
            self.on_news(self._run_id, self)
        return taken

    def _hear(self, message: bytes, now: float) -> bool:
        """Act on a message; return whether there is something new to show."""
        before = (self._status, self._progress, self._step)
        for name, value in notices.parse(self._redacted(message)):
            if name == "WATCHDOG" and value == "1":
                self._deadlines.alive(now)
            elif name == "EXTEND_TIMEOUT_USEC":
                self._deadlines.ask_for(notices.microseconds(value) or 0.0, now)
            elif name == "STATUS":
                self._status = notices.status(value)
            elif name == "X_JOBD_PROGRESS":
                progress = notices.share(value)
                self._progress = self._progress if progress is None else progress
            elif name == "X_JOBD_STEP":
                self._steps.begin(value, now)
                self._step = self._steps.current
        return before != (self._status, self._progress, self._step)


def _ignore(run_id: str, voice: Voice) -> None:
    """Nobody wants to know yet."""
