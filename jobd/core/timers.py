"""Timers: what the scheduler wants to look at, and when. A heap with lazy deletion."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from heapq import heapify, heappop, heappush
from itertools import count


class TimerKind(IntEnum):
    """What a timer is about; its key is a job's name or a run's id."""

    TICK_DUE = 0
    RETRY_DUE = 1
    START_DEADLINE = 2
    PAUSE_ENDS = 3
    STORE_RETRY = 4
    TURN = 5  # to try a tick that other nodes may try too


_Entry = tuple[datetime, int, TimerKind, str]


@dataclass(slots=True)
class Timers:
    """Holds at most one valid entry per (kind, key); setting one anew voids the old one."""

    _heap: list[_Entry] = field(default_factory=list)
    _valid: dict[tuple[TimerKind, str], int] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    def set(self, kind: TimerKind, key: str, when: datetime) -> None:
        """Look at ``key`` at ``when``, and no longer at the instant set before."""
        number = next(self._numbers)
        self._valid[kind, key] = number
        heappush(self._heap, (when, number, kind, key))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._valid):
            self._compact()

    def cancel(self, kind: TimerKind, key: str) -> None:
        """Forget about it; harmless when nothing was set."""
        self._valid.pop((kind, key), None)

    def next(self) -> datetime | None:
        """Return the earliest valid instant, or None."""
        while self._heap:
            when, number, kind, key = self._heap[0]
            if self._valid.get((kind, key)) == number:
                return when
            heappop(self._heap)
        return None

    def pop_due(self, now: datetime) -> Iterator[tuple[TimerKind, str]]:
        """Yield what has come due, in order; entries set meanwhile are included."""
        while self._heap and self._heap[0][0] <= now:
            _, number, kind, key = heappop(self._heap)
            if self._valid.get((kind, key)) == number:
                del self._valid[kind, key]
                yield kind, key

    def _compact(self) -> None:
        """Drop void entries, so that what is set anew often does not grow the heap."""
        self._heap = [e for e in self._heap if self._valid.get((e[2], e[3])) == e[1]]
        heapify(self._heap)
