"""Deadlines: when a run must be stopped, for what cause, and when it must be dead."""

# A run that must be dead by an instant gets its stop signal before it: this share of the
# time that it was last given, if kill_after is longer than that.
_LONGEST_WARNING = 0.25


class Deadlines:
    """The instants of one attempt, on the steady clock. The earliest counts."""

    __slots__ = (
        "_is_killing", "_kill_after_s", "_kill_at", "_timeout_at", "_timeout_s", "_until",
        "_warn_at",
    )  # fmt: skip

    def __init__(self, timeout_s: float | None, kill_after_s: float) -> None:
        self._timeout_s = timeout_s
        self._kill_after_s = kill_after_s
        self._timeout_at: float | None = None
        self._until: float | None = None
        self._warn_at: float | None = None
        self._kill_at: float | None = None
        self._is_killing = False

    @property
    def is_stopping(self) -> bool:
        """Whether the stop signal has been due."""
        return self._kill_at is not None

    def begin(self, now: float) -> None:
        """The program was executed now: its timeout counts from here."""
        if self._timeout_s is not None:
            self._timeout_at = now + self._timeout_s

    def extend(self, until: float | None, now: float) -> None:
        """The run must be dead by ``until``; None: only its timeout counts."""
        self._until = until
        self._warn_at = None
        if until is not None:
            warning = min(self._kill_after_s, max(0.0, until - now) * _LONGEST_WARNING)
            self._warn_at = until - warning

    def due_cause(self, now: float) -> str | None:
        """Return for what cause the run must be stopped by now, or None."""
        due = [
            (at, cause)
            for at, cause in ((self._timeout_at, "timeout"), (self._warn_at, "trust"))
            if at is not None and at <= now
        ]
        return min(due)[1] if due and not self.is_stopping else None

    def stop(self, now: float) -> None:
        """The stop signal is sent now; SIGKILL follows."""
        self._kill_at = now + self._kill_after_s

    def kill(self, now: float) -> None:
        """SIGKILL is due now, whatever was to come before it."""
        self._kill_at = now
        self._is_killing = True

    def must_be_dead(self, now: float) -> bool:
        """Whether it is time for SIGKILL."""
        return self.is_stopping and now >= self._latest()

    def next_instant(self) -> float | None:
        """Return when to look again: the next stop, or the SIGKILL that follows one."""
        if self.is_stopping:
            return self._latest()
        instants = [at for at in (self._timeout_at, self._warn_at) if at is not None]
        return min(instants, default=None)

    def _latest(self) -> float:
        assert self._kill_at is not None, "nothing is being stopped"
        if self._until is None or self._is_killing:
            return self._kill_at
        return min(self._kill_at, self._until)
