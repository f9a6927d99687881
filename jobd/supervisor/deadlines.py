"""Deadlines: when a run must be stopped, for what cause, and when it must be dead.

The law::

    running ── timeout, watchdog, or shortly before until ──> stopping
    stopping ── kill_after, or until ──> dead

``until`` is the instant up to which its lease is trusted. :meth:`Deadlines.extend` moves it,
but takes nothing back: a run that is being stopped goes on being stopped, and one whose
``until`` has passed is to be killed, whatever was granted afterwards.

A run may ask for more time than its timeout, as a service of systemd does
(EXTEND_TIMEOUT_USEC, sd_notify(3)); ``until`` it cannot move.
"""

# A run that must be dead by an instant gets its stop signal before it: this share of the
# time that it was last given, if kill_after is longer than that.
_LONGEST_WARNING = 0.25
# What a run asks for in one message is at most its timeout, so that one which hangs after that
# does not hang for ever; and all in all so many times it, because a run holds a place, and
# slots, that others wait for.
MOST_TIMEOUTS = 10


class Deadlines:
    """The instants of one attempt, on the steady clock. The earliest counts."""

    __slots__ = (
        "_kill_after_s", "_kill_at", "_last_timeout_at", "_timeout_at", "_timeout_s", "_until",
        "_warn_at", "_watchdog_at", "_watchdog_s",
    )  # fmt: skip

    def __init__(
        self,
        timeout_s: float | None,
        kill_after_s: float,
        until: float | None = None,
        watchdog_s: float | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._watchdog_s = watchdog_s
        self._watchdog_at: float | None = None
        self._last_timeout_at = 0.0
        self._kill_after_s = kill_after_s
        self._timeout_at: float | None = None
        self._until = until
        self._warn_at: float | None = None
        self._kill_at: float | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether the stop signal, or SIGKILL, has been due."""
        return self._kill_at is not None

    def begin(self, now: float) -> None:
        """The program was executed now: its timeout counts from here, ``until`` all along."""
        if self._timeout_s is not None:
            self._timeout_at = now + self._timeout_s
            self._last_timeout_at = now + self._timeout_s * MOST_TIMEOUTS
        self._warn_at = self._warning(now)
        self.alive(now)

    def alive(self, now: float) -> None:
        """The run shows that it is alive: its watchdog counts from here."""
        if self._watchdog_s is not None:
            self._watchdog_at = now + self._watchdog_s

    def ask_for(self, more_s: float, now: float) -> None:
        """The run asks for so much time from now; what it has already is not taken away."""
        if self._timeout_at is None or self._timeout_s is None:
            return
        wanted = min(now + min(more_s, self._timeout_s), self._last_timeout_at)
        self._timeout_at = max(self._timeout_at, wanted)

    def extend(self, until: float | None, now: float) -> None:
        """The run must be dead by ``until``; None: only its timeout counts.

        Repeating an instant changes nothing, or each time would shorten the warning.
        """
        if until == self._until or self._is_past(now):
            return
        self._until = until
        self._warn_at = self._warning(now)

    def due_cause(self, now: float) -> str | None:
        """Return for what cause the run must be stopped by now, or None."""
        due = [
            (at, cause)
            for at, cause in (
                (self._timeout_at, "timeout"),
                (self._watchdog_at, "watchdog"),
                (self._warn_at, "trust"),
            )
            if at is not None and at <= now
        ]
        return min(due)[1] if due and not self.is_stopping else None

    def stop(self, now: float) -> None:
        """The stop signal is sent now; SIGKILL follows."""
        self._kill_at = now + self._kill_after_s

    def kill(self, now: float) -> None:
        """SIGKILL is due now, whatever was to come before it."""
        self._kill_at = now

    def stop_instant(self) -> float | None:
        """Return when the next stop signal is due, as things are."""
        if self.is_stopping:
            return None
        return _earliest(self._timeout_at, self._watchdog_at, self._warn_at)

    def kill_instant(self) -> float | None:
        """Return when SIGKILL is due, as things are. ``until`` counts with a stop or without:
        whoever should have sent the stop signal may have slept."""
        return _earliest(self._kill_at, self._until)

    def _warning(self, now: float) -> float | None:
        if self._until is None:
            return None
        longest = max(0.0, self._until - now) * _LONGEST_WARNING
        return self._until - min(self._kill_after_s, longest)

    def _is_past(self, now: float) -> bool:
        return self._until is not None and self._until <= now


def _earliest(*instants: float | None) -> float | None:
    return min((at for at in instants if at is not None), default=None)
