"""Wall-clock times that a cron expression names, as if no clock were ever set.

Local times are seconds since 1970-01-01T00:00 read off a wall clock (see
:mod:`jobd.core.zone`). Everything is counting: the times of a day are numbered, the
matching days of a month are a bit mask. So the next time, the last time and the number of
times in a span of years cost microseconds, whatever the expression.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from jobd.core.zone import DAY_S, EPOCH_ORDINAL

_LENGTHS = {  # which numbers of days a month can have
    month: (28, 29) if month == 2 else (30 + ((month + month // 8) & 1),) for month in range(1, 13)
}


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one field: ``ordered`` ascending, and ``below[v]``, how many are < v."""

    ordered: tuple[int, ...]
    below: bytes = field(repr=False)

    @classmethod
    def of(cls, values: frozenset[int]) -> "Values":
        """Return the values with their ranks."""
        ordered = tuple(sorted(values))
        return cls(ordered, bytes(sum(v < n for v in ordered) for n in range(61)))

    def __str__(self) -> str:
        """Return ``0-4,7``: the same for the same values, however they were written."""
        return spell(self.ordered)


@dataclass(frozen=True, slots=True)
class DailyTimes:
    """The times of a day, numbered from 0."""

    hours: Values
    minutes: Values
    seconds: Values

    def __len__(self) -> int:
        return len(self.hours.ordered) * len(self.minutes.ordered) * len(self.seconds.ordered)

    def rank(self, second: int) -> int:
        """Return how many times of the day lie before ``second`` of the day."""
        hour, rest = divmod(second, 3600)
        minute, second = divmod(rest, 60)
        in_minute = len(self.seconds.ordered)
        in_hour = len(self.minutes.ordered) * in_minute
        hours, minutes = self.hours.below, self.minutes.below
        rank = hours[hour] * in_hour
        if hours[hour + 1] == hours[hour]:
            return rank
        rank += minutes[minute] * in_minute
        if minutes[minute + 1] == minutes[minute]:
            return rank
        return rank + self.seconds.below[second]

    def at(self, number: int) -> int:
        """Return the time with that number, in seconds of the day."""
        number, second = divmod(number, len(self.seconds.ordered))
        hour, minute = divmod(number, len(self.minutes.ordered))
        return (
            self.hours.ordered[hour] * 3600
            + self.minutes.ordered[minute] * 60
            + self.seconds.ordered[second]
        )


@dataclass(frozen=True, slots=True)
class Days:
    """The days that an expression names. Sunday is 0.

    ``is_either``: a day counts if the day of month *or* the day of week fits; otherwise
    both must.
    """

    months: frozenset[int]
    month_days: frozenset[int]
    is_last_day: bool  # "L": the month's last day too
    weekdays: frozenset[int]
    nth_weekdays: frozenset[tuple[int, int]]  # (weekday, 1 to 5; 0 is the month's last)
    is_either: bool
    _masks: dict[tuple[int, int], int] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        """Return day of month, month and day of week, then how the days combine."""
        days = spell(self.month_days) + (",L" if self.is_last_day else "")
        nth = "".join(f",{day}#{number}" for day, number in sorted(self.nth_weekdays))
        combine = "or" if self.is_either else "and"
        return f"{days} {spell(self.months)} {spell(self.weekdays)}{nth} {combine}"

    def is_possible(self) -> bool:
        """Whether any day of any year fits; every weekday begins every month some year."""
        return any(
            self._mask(first, length)
            for month in self.months
            for length in _LENGTHS[month]
            for first in range(7)
        )

    def next(self, day: int, last: int) -> int | None:
        """Return the first day that fits in [day, last], days counted from 1970."""
        if day > last:
            return None
        start = date.fromordinal(day + EPOCH_ORDINAL)
        year, month = start.year, start.month
        mask = self._of_month(year, month) >> (start.day - 1) << (start.day - 1)
        while not mask:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            if _month(year, month)[0] > last:
                return None
            mask = self._of_month(year, month)
        found = _month(year, month)[0] + (mask & -mask).bit_length() - 1
        return found if found <= last else None

    def latest(self, day: int, first: int) -> int | None:
        """Return the last day that fits in [first, day]."""
        if day < first:
            return None
        start = date.fromordinal(day + EPOCH_ORDINAL)
        year, month = start.year, start.month
        mask = self._of_month(year, month) & ((1 << start.day) - 1)
        while not mask:
            if _month(year, month)[0] <= first:
                return None
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)
            mask = self._of_month(year, month)
        found = _month(year, month)[0] + mask.bit_length() - 1
        return found if found >= first else None

    def count(self, first: int, stop: int) -> int:
        """Return how many days fit in [first, stop)."""
        if stop <= first:
            return 0
        start, end = (date.fromordinal(day + EPOCH_ORDINAL) for day in (first, stop))
        below = (1 << (end.day - 1)) - 1
        total = (self._of_month(end.year, end.month) & below).bit_count()
        below = (1 << (start.day - 1)) - 1
        total -= (self._of_month(start.year, start.month) & below).bit_count()
        for number in range(start.year * 12 + start.month, end.year * 12 + end.month):
            total += self._of_month((number - 1) // 12, (number - 1) % 12 + 1).bit_count()
        return total

    def _of_month(self, year: int, month: int) -> int:
        """Return the days of a month that fit, as bits: bit 0 is the 1st."""
        if month not in self.months:
            return 0
        _, first, length = _month(year, month)
        return self._mask(first, length)

    def _mask(self, first: int, length: int) -> int:
        """Return the days that fit in any month that begins on weekday ``first``."""
        mask = self._masks.get((first, length))
        if mask is None:
            by_date = sum(1 << (day - 1) for day in self.month_days if day <= length)
            by_date |= self.is_last_day << (length - 1)
            by_weekday = sum(
                1 << (day - 1)
                for day in range(1, length + 1)
                if self._fits_weekday((first + day - 1) % 7, day, length)
            )
            mask = by_date | by_weekday if self.is_either else by_date & by_weekday
            self._masks[first, length] = mask
        return mask

    def _fits_weekday(self, weekday: int, day: int, length: int) -> bool:
        nth = (day + 6) // 7
        is_last = day + 7 > length
        return (
            weekday in self.weekdays
            or (weekday, nth) in self.nth_weekdays
            or (is_last and (weekday, 0) in self.nth_weekdays)
        )


@dataclass(frozen=True, slots=True)
class WallClock:
    """The local times that an expression names: certain times of certain days."""

    days: Days
    times: DailyTimes

    def __str__(self) -> str:
        """Return the fields in their one canonical spelling, seconds first."""
        times = self.times
        return f"{times.seconds} {times.minutes} {times.hours} {self.days}"

    def next(self, low: int, high: int) -> int | None:
        """Return the first local time in [low, high), or None."""
        if low >= high:
            return None
        day, second = divmod(low, DAY_S)
        number = self.times.rank(second)
        if number == len(self.times):
            day, number = day + 1, 0
        found = self.days.next(day, (high - 1) // DAY_S)
        if found is None:
            return None
        local = found * DAY_S + self.times.at(number if found == day else 0)
        return local if local < high else None

    def latest(self, low: int, high: int) -> int | None:
        """Return the last local time in [low, high), or None."""
        if low >= high:
            return None
        day, second = divmod(high, DAY_S)
        number = self.times.rank(second) - 1
        if number < 0:
            day, number = day - 1, len(self.times) - 1
        found = self.days.latest(day, low // DAY_S)
        if found is None:
            return None
        local = found * DAY_S + self.times.at(number if found == day else len(self.times) - 1)
        return local if local >= low else None

    def has_any(self, low: int, high: int) -> bool:
        """Whether a local time lies in [low, high)."""
        return low < high and self.next(low, high) is not None

    def count(self, low: int, high: int) -> int:
        """Return how many local times lie in [low, high)."""
        if low >= high:
            return 0
        (first, from_s), (last, until_s) = divmod(low, DAY_S), divmod(high, DAY_S)
        total = self.days.count(first, last) * len(self.times)
        if until_s and self.days.count(last, last + 1):
            total += self.times.rank(until_s)
        if from_s and self.days.count(first, first + 1):
            total -= self.times.rank(from_s)
        return total


@lru_cache(maxsize=1024)
def spell(values: tuple[int, ...] | frozenset[int]) -> str:
    """Return ascending ranges: ``0-4,7``. Kept: expressions have most of their fields in common."""
    parts: list[list[int]] = []
    for value in sorted(values):
        if parts and parts[-1][-1] == value - 1:
            parts[-1][1:] = [value]
        else:
            parts.append([value])
    return ",".join("-".join(map(str, part)) for part in parts)


@lru_cache(maxsize=4096)
def _month(year: int, month: int) -> tuple[int, int, int]:
    """Return a month's first day counted from 1970, its weekday (Sunday 0), its length."""
    weekday, length = monthrange(year, month)
    return date(year, month, 1).toordinal() - EPOCH_ORDINAL, (weekday + 1) % 7, length
