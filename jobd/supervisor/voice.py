"""Voice: what one run says of itself while it runs, and what follows from it.

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
from jobd.supervisor.steps import Steps

_MOMENT_S = 0.1
_TAKEN_IN_A_MOMENT = 32

Words = dict[str, object]


class Voice:
    """Listens to one mailbox, if the run has one; ``on_news`` is called when there is
    something new to show."""

    def __init__(self, run_id: str, box: Mailbox | None, loop: Loop, deadlines: Deadlines) -> None:
        self.on_news: Callable[[str, Voice], None] = _ignore
        self._run_id = run_id
        self._box = box
        self._loop = loop
        self._deadlines = deadlines
        self._steps = Steps()
        self._status = ""
        self._progress: float | None = None
        self._moment_at = 0.0
        self._taken = 0
        self._pause: Timer | None = None

    def begin(self) -> None:
        """The run is there."""
        if self._box is not None:
            self._loop.watch(self._box.fd, READABLE, self.listen)

    def listen(self) -> None:
        """Take what has come, and no more than is taken in a moment."""
        if self._box is None or self._pause is not None:
            return
        now, is_news = steady_s(), False
        if now - self._moment_at >= _MOMENT_S:
            self._moment_at, self._taken = now, 0
        while self._taken < _TAKEN_IN_A_MOMENT and (message := self._box.take()) is not None:
            self._taken += 1
            is_news = self._hear(message, now) or is_news
        if self._taken == _TAKEN_IN_A_MOMENT:
            self._loop.unwatch(self._box.fd)
            self._pause = self._loop.call_at(self._moment_at + _MOMENT_S, self._go_on)
        if is_news:
            self.on_news(self._run_id, self)

    @property
    def has_spoken(self) -> bool:
        """Whether there is anything to show."""
        return bool(self._status) or self._progress is not None or self._steps.current is not None

    def words(self) -> Words:
        """Return what there is to show."""
        step, since = self._steps.current or (None, None)
        return {
            "status": self._status,
            "progress": self._progress,
            "step": step,
            "step_since": None if since is None else wall_s() - (steady_s() - since),
        }

    def end(self, at: float) -> list[list[object]]:
        """The run has ended; return its steps, with the seconds that each took."""
        self._go_on()
        self.listen()
        self._steps.end(at)
        self._close()
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
            self.begin()

    def _hear(self, message: bytes, now: float) -> bool:
        """Act on a message; return whether there is something new to show."""
        before = (self._status, self._progress, self._steps.current)
        for name, value in notices.parse(message):
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
        return before != (self._status, self._progress, self._steps.current)


def _ignore(run_id: str, voice: Voice) -> None:
    """Nobody wants to know yet."""
