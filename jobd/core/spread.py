"""Spread: what is to be caught up on begins little by little, the most urgent first.

After downtime, a suspend or a jump of the clock every job may owe ticks, all at one instant.
One job's begin at once; those of others follow, a moment apart and within a minute, so that
the node, and the store, can bear them and pressure shows before the last one has started.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush

from jobd.core.zone import EPOCH

APART = timedelta(milliseconds=250)
WITHIN = timedelta(minutes=1)  # however many they are

_Place = tuple[int, datetime, str]  # priority downwards, the oldest tick that is owed, the job


@dataclass(slots=True)
class Spread:
    """The jobs that wait for their turn to begin to catch up."""

    _names: set[str] = field(default_factory=set)
    _heap: list[_Place] = field(default_factory=list)  # some of those in it have left
    _next_at: datetime = EPOCH
    _all_by: datetime = EPOCH

    def __contains__(self, job: str) -> bool:
        return job in self._names

    def begins_at_once(self, job: str, priority: int, owed: datetime, now: datetime) -> bool:
        """Return whether a job may begin now; if not, it waits here. ``owed``: its oldest tick."""
        if job in self._names:
            return False
        if not self._names and now >= self._next_at:
            self._next_at, self._all_by = now + APART, now + WITHIN
            return True
        self._names.add(job)
        heappush(self._heap, (-priority, owed, job))
        return False

    def next_at(self) -> datetime | None:
        """Return when the next one may begin, or None while nobody waits."""
        return self._next_at if self._names else None

    def release(self, now: datetime) -> str | None:
        """Return the job that may begin now; None if nobody waits any more."""
        while self._heap:
            _, _, job = heappop(self._heap)
            if job in self._names:
                self._names.remove(job)
                self._next_at = now + self._apart(now)
                return job
        return None

    def leave(self, job: str) -> None:
        """Let a job wait no more."""
        self._names.discard(job)

    def hasten(self, now: datetime) -> None:
        """Wait for no instant of a clock that was ahead and has been set back."""
        self._next_at, self._all_by = min(self._next_at, now + APART), now + WITHIN

    def _apart(self, now: datetime) -> timedelta:
        """Those who are left share what is left of the minute."""
        left = max(self._all_by - now, timedelta(0))
        return min(APART, left / max(len(self._names), 1))
