"""Timers: what the scheduler wants to look at, and when. A heap of instants, each with its timers.

Many timers share an instant: every job of a herd is due at the full minute. The heap holds
that instant once, however many they are, and so stays small and is compared seldom.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from heapq import heapify, heappop, heappush


class TimerKind(IntEnum):
    """What a timer is about; its key is a job's name or a run's id."""

    TICK_DUE = 0
    RETRY_DUE = 1
    START_DEADLINE = 2
    PAUSE_ENDS = 3
    STORE_RETRY = 4
    TURN = 5  # to try a tick that other nodes may try too
    BACKLOG_TOO_OLD = 6
    SPREAD = 7  # the next job that is to catch up begins


_Timer = tuple[TimerKind, str]


@dataclass(slots=True)
class Timers:
    """Holds at most one timer per (kind, key); setting one anew moves it."""

    _heap: list[datetime] = field(default_factory=list)  # those of _at, and some void ones
    _at: dict[datetime, dict[_Timer, None]] = field(default_factory=dict)  # as they were set
    _when: dict[_Timer, datetime] = field(default_factory=dict)

    def set(self, kind: TimerKind, key: str, when: datetime) -> None:
        """Look at ``key`` at ``when``, and no longer at the instant set before."""
        timer = (kind, key)
        if timer in self._when:
            self._take_out(timer)
        self._when[timer] = when
        timers = self._at.get(when)
        if timers is None:
            self._at[when] = {timer: None}
            self._push(when)
        else:
            timers[timer] = None

    def cancel(self, kind: TimerKind, key: str) -> None:
        """Forget about it; harmless when nothing was set."""
        timer = (kind, key)
        if timer in self._when:
            self._take_out(timer)

    def next(self) -> datetime | None:
        """Return the earliest instant of a timer, or None."""
        while self._heap and self._heap[0] not in self._at:
            heappop(self._heap)
        return self._heap[0] if self._heap else None

    def pop_due(self, now: datetime) -> Iterator[tuple[TimerKind, str]]:
        """Yield what has come due, instant by instant; timers set meanwhile are included."""
        while (when := self.next()) is not None and when <= now:
            for timer in tuple(self._at[when]):
                if self._when.get(timer) == when:  # neither cancelled nor moved meanwhile
                    self._take_out(timer)
                    yield timer

    def _take_out(self, timer: _Timer) -> None:
        when = self._when.pop(timer)
        timers = self._at[when]
        del timers[timer]
        if not timers:
            del self._at[when]

    def _push(self, when: datetime) -> None:
        """Add an instant to the heap; drop the void ones once most of it is that."""
        heappush(self._heap, when)
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._at):
            self._heap = list(self._at)
            heapify(self._heap)
