"""Curve: the node's load over time, in equal slices: the most and the mean of each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

_MOST_SLICES = 400
# In seconds: round, so that what comes every hour looks the same every hour.
_LENGTHS_S = (1, 5, 15, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


class Load(NamedTuple):
    """What is taken of the node at an instant."""

    running: int = 0
    reserved_bytes: int = 0
    short: int = 0  # wait for a place or for memory
    waiting: int = 0  # those, and who waits for a pool

    @property
    def wanted(self) -> int:
        """How many runs there are, or would be with room for all."""
        return self.running + self.waiting


IDLE = Load()


@dataclass(slots=True)
class Slice:
    """What a stretch of time saw."""

    most_running: int = 0
    most_waiting: int = 0
    most_reserved_bytes: int = 0
    running_s: float = 0.0  # seconds times runs
    reserved_byte_s: float = 0.0
    skips: int = 0

    def see(self, load: Load, span_s: float) -> None:
        """Take in a load that lasted so long."""
        self.most_running = max(self.most_running, load.running)
        self.most_waiting = max(self.most_waiting, load.waiting)
        self.most_reserved_bytes = max(self.most_reserved_bytes, load.reserved_bytes)
        self.running_s += load.running * span_s
        self.reserved_byte_s += load.reserved_bytes * span_s


class Curve:
    """Filled in the order of time; each load lasts until the next one is noted."""

    def __init__(self, start: datetime, until: datetime) -> None:
        self.start, self.until = start, until
        span_s = (until - start).total_seconds()
        fitting = (length for length in _LENGTHS_S if span_s / length <= _MOST_SLICES)
        self.slice_s = next(fitting, _LENGTHS_S[-1])
        self.slices = [Slice() for _ in range(max(ceil(span_s / self.slice_s), 1))]
        self._load = IDLE
        self._at_s = 0.0

    def note(self, now: datetime, load: Load) -> None:
        """From ``now`` on the load is this."""
        if load != self._load:
            self._last_until((now - self.start).total_seconds())
            self._load = load

    def skip(self, now: datetime, count: int) -> None:
        """So many ticks were skipped."""
        self.slices[self._place((now - self.start).total_seconds())].skips += count

    def close(self) -> None:
        """Nothing follows: the last load lasts until the end."""
        self._last_until((self.until - self.start).total_seconds())

    @property
    def end(self) -> datetime:
        """When the last slice, which may be filled in part, is over."""
        return self.begin_of(len(self.slices))

    def begin_of(self, place: int) -> datetime:
        """Return when a slice begins."""
        return self.start + timedelta(seconds=place * self.slice_s)

    def _last_until(self, end_s: float) -> None:
        begin_s, self._at_s = self._at_s, max(end_s, self._at_s)
        for place in range(self._place(begin_s), self._place(end_s) + 1):
            first_s, last_s = place * self.slice_s, (place + 1) * self.slice_s
            span_s = min(last_s, end_s) - max(first_s, begin_s)
            if span_s > 0:  # what lasted no time was never seen
                self.slices[place].see(self._load, span_s)

    def _place(self, at_s: float) -> int:
        return min(max(int(at_s / self.slice_s), 0), len(self.slices) - 1)
