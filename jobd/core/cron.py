"""Fire times of a cron expression in a time zone: next, latest, how many, and why odd.

The wall clock names local times; this module maps them to instants by the rules of
Debian's cron (cron(8), "daylight saving time"), which the ``dst`` key can change:

- An expression whose minute or hour begins with ``*`` follows real time: it fires at
  every instant at which the wall clock shows one of its times.
- Any other is a *fixed-hour* expression and fires once for each local time. What the
  clock leaves out (a gap) fires right after the gap, all of it together once
  (``gap = "shift"``), or not (``"skip"``). What the clock shows twice (a fold) fires the
  first time (``fold = "first"``), or ``"both"`` times.

Debian's cron runs a job that has two times in one gap twice in a row, and takes a gap of
three hours and more for a clock that was set. Here a tick is one instant, so such a job
runs once; and a gap of any size is a gap.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from jobd.core.cron_fields import Words, read
from jobd.core.wallclock import WallClock
from jobd.core.zone import DAY_S, EPOCH_ORDINAL, Stretch, Zone

# How far a fire time is looked for. The rarest day, a fifth Monday in February, comes
# after 40 years at most.
HORIZON_S = 50 * 366 * DAY_S
YEAR_S = 365 * DAY_S

_FEW = 6  # coming times that interval() compares


@dataclass(slots=True, eq=False)
class CronTimes:
    """The fire times, in seconds since 1970; shared by all jobs that have the same.

    ``shifts``: what a gap leaves out fires after it. ``is_once``: in a fold only the
    first counts. Neither holds for an expression that follows real time.
    """

    wallclock: WallClock
    zone: Zone
    shifts: bool
    is_once: bool
    _interval: tuple[int, timedelta] | None = field(default=None, repr=False)  # of a day
    _identity: str = field(default="", repr=False)

    @property
    def identity(self) -> str:
        """Say which fire times these are, however the expression was spelled."""
        if not self._identity:
            gap = "shift" if self.shifts else "skip"
            fold = "first" if self.is_once else "both"
            self._identity = f"cron {self.wallclock} {self.zone.key} {gap} {fold}"
        return self._identity

    def next(self, second: int) -> int | None:
        """Return the first fire time at or after ``second``; None if 50 years hold none."""
        for stretch in self.zone.stretches(second):
            if stretch.start >= second and self._makes_up(stretch):
                return stretch.start
            low, high = self._span(stretch)
            local = self.wallclock.next(max(low, second + stretch.offset), high)
            if local is not None:
                return local - stretch.offset
            if stretch.start > second + HORIZON_S:
                break
        return None

    def latest(self, second: int) -> int | None:
        """Return the last fire time at or before ``second``; None if 50 years hold none."""
        for stretch in self.zone.stretches_back(second):
            low, high = self._span(stretch)
            local = self.wallclock.latest(low, min(high, second + 1 + stretch.offset))
            if local is not None:
                return local - stretch.offset
            if self._makes_up(stretch):
                return stretch.start
            if stretch.start < second - HORIZON_S:
                break
        return None

    def count(self, first: int, stop: int) -> int:
        """Return how many fire times lie in [first, stop), however long that is."""
        total = 0
        for stretch in self.zone.stretches(first):
            if stretch.start >= stop:
                break
            low, high = self._span(stretch)
            begin = max(low, first + stretch.offset)
            total += self.wallclock.count(begin, min(high, stop + stretch.offset))
            if stretch.start >= first and self._makes_up(stretch):
                # A time that the clock shows as the gap ends is that same instant.
                total += not self.wallclock.count(low, low + 1)
        return total

    def interval(self, near: int) -> timedelta:
        """Return the least time between coming fire times, as the wall clock counts it.

        A year where fewer than two come. One answer for all instants of a UTC day.
        """
        day = near // DAY_S
        if self._interval is None or self._interval[0] != day:
            self._interval = day, timedelta(seconds=self._least_gap(day * DAY_S))
        return self._interval[1]

    def note(self, second: int) -> str:
        """Say what a change of the clock did to the fire time ``second``, or ""."""
        stretches = self.zone.stretches(second)
        stretch, following = next(stretches), next(stretches, None)
        if second == stretch.start and self._makes_up(stretch):
            missing = self.wallclock.next(stretch.seen, second + stretch.offset)
            assert missing is not None
            return f"{_on(missing, 'does not exist')}; runs right after the gap"
        local = second + stretch.offset
        if local < stretch.seen:
            return f"{_on(local, 'comes twice')}; this is the second"
        if following is None or not following.start + following.offset <= local < following.seen:
            return ""
        return f"{_on(local, 'comes twice')}; " + (
            "the first one counts" if self.is_once else "this is the first"
        )

    def _span(self, stretch: Stretch) -> tuple[int, int]:
        """Return the local times [low, high) that count in this stretch."""
        low = stretch.start + stretch.offset
        return max(low, stretch.seen) if self.is_once else low, stretch.end + stretch.offset

    def _makes_up(self, stretch: Stretch) -> bool:
        """Whether the stretch begins with what the gap before it left out."""
        return self.shifts and self.wallclock.has_any(stretch.seen, stretch.start + stretch.offset)

    def _least_gap(self, local: int) -> int:
        times: list[int] = []
        while len(times) < _FEW:
            following = self.wallclock.next(local, local + HORIZON_S)
            if following is None:
                break
            times.append(following)
            local = following + 1
        return min((b - a for a, b in pairwise(times)), default=YEAR_S)


@lru_cache(maxsize=4096)
def cron_times(words: Words, zone: Zone, gap: str, fold: str) -> CronTimes:
    """Return the fire times of an expression's fields; ``ScheduleError`` if it has none."""
    fields = read(words)
    return CronTimes(
        fields.wallclock,
        zone,
        shifts=fields.is_fixed and gap == "shift",
        is_once=fields.is_fixed and fold == "first",
    )


def _on(local: int, what: str) -> str:
    """Return ``02:30 does not exist on 2026-03-29``."""
    day, second = divmod(local, DAY_S)
    time = f"{second // 3600:02}:{second // 60 % 60:02}"
    if second % 60:
        time += f":{second % 60:02}"
    return f"{time} {what} on {date.fromordinal(day + EPOCH_ORDINAL)}"
