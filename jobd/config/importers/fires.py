"""Fires: local times as sets of minutes, hours, days…, and the cron expressions for them.

systemd and Celery want the day of the month *and* the weekday where both are given; cron takes
either. What cron has for "both" is used wherever it is exact, see :func:`_day_fields`; where it
is not, there is no expression, and ``NoCron`` says what is in the way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

ALL_WEEKDAYS = frozenset(range(7))  # Monday is 0
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SUNDAY = 6
LENGTHS: dict[int, tuple[int, ...]] = {
    **dict.fromkeys((1, 3, 5, 7, 8, 10, 12), (31,)),
    **dict.fromkeys((4, 6, 9, 11), (30,)),
    2: (28, 29),
}
_WEEKS = tuple(frozenset(range(first, min(first + 7, 32))) for first in (1, 8, 15, 22, 29))


class NoCron(ValueError):
    """No cron expression fires at these times and no others; the message says why."""


@dataclass(frozen=True, slots=True)
class MonthDays:
    """Days of the month: by number, the last one too, or the last seven."""

    numbered: frozenset[int]
    has_last: bool = False
    are_last_seven: bool = False


@dataclass(frozen=True, slots=True)
class Fires:
    """Every combination of these is a fire time. Monday is 0."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: MonthDays
    months: frozenset[int]
    weekdays: frozenset[int]
    timezone: str | None


def merged(every: Iterable[Fires]) -> list[Fires]:
    """Return the same times in as few as can be: two that differ in one field become one."""
    left = list(dict.fromkeys(every))
    while pair := _mergeable(left):
        first, second, union = pair
        left.remove(second)
        left[left.index(first)] = union
    return left


def cron_expression(fires: Fires, *, by_the_clock: bool = False) -> str:
    """Return the expression with exactly these times; ``NoCron`` says why there is none.

    ``by_the_clock``: hours and minutes begin with no star, so that jobd takes them for fixed
    times, each of which counts once where the clock is set (see :mod:`jobd.core.cron`).
    """
    has_star = not by_the_clock
    second = _spelled(fires.seconds, 0, 59, has_star)
    minute = _spelled(fires.minutes, 0, 59, has_star)
    hour = _spelled(fires.hours, 0, 23, has_star)
    day, weekday = _day_fields(fires)
    words = [minute, hour, day, _spelled(fires.months, 1, 12), weekday]
    return " ".join(words if second == "0" else [second, *words])


def _mergeable(left: Sequence[Fires]) -> tuple[Fires, Fires, Fires] | None:
    for index, first in enumerate(left):
        for second in left[index + 1 :]:
            if union := _union(first, second):
                return first, second, union
    return None


def _union(one: Fires, other: Fires) -> Fires | None:
    """Return both as one, if they differ in one field that is a set."""
    names = [field.name for field in fields(Fires)]
    differing = [name for name in names if getattr(one, name) != getattr(other, name)]
    if len(differing) != 1 or differing[0] in ("days", "timezone"):
        return _union_of_days(one, other) if differing == ["days"] else None
    name = differing[0]
    both = getattr(one, name) | getattr(other, name)
    return replace(one, **{name: both})


def _union_of_days(one: Fires, other: Fires) -> Fires | None:
    if one.days.are_last_seven or other.days.are_last_seven:
        return None
    numbered = one.days.numbered | other.days.numbered
    return replace(one, days=MonthDays(numbered, one.days.has_last or other.days.has_last))


def _day_fields(fires: Fires) -> tuple[str, str]:
    """Return day of month and day of week such that both hold, where both are restricted.

    Four ways, the first one that is exact: weeks of the month (``mon#1`` are the days 1 to 7);
    the last seven days (``monL``); a field that begins with a star, for which cron asks for
    both: ``*/31`` is day 1, ``*/7`` is Sunday.
    """
    days, weekdays = fires.days, fires.weekdays
    longest = max(length for month in fires.months for length in LENGTHS[month])
    is_any_day = days.numbered >= frozenset(range(1, longest + 1))
    if days.are_last_seven:
        return "*", ",".join(f"{_DAYS[day]}L" for day in sorted(weekdays))
    if is_any_day or weekdays == ALL_WEEKDAYS:
        return "*" if is_any_day else _numbered(days), _weekday_list(weekdays)
    if weeks := _weeks(days, longest):
        return "*", ",".join(f"{_DAYS[day]}#{week}" for day in sorted(weekdays) for week in weeks)
    if 1 in days.numbered:
        star = _spelled(days.numbered, 1, 31)
        rest = _numbered(replace(days, numbered=days.numbered - {1}))
        day = star if star.startswith("*") and not days.has_last else f"*/31,{rest}".rstrip(",")
        return day, _weekday_list(weekdays)
    if _SUNDAY in weekdays:
        rest = _weekday_list(weekdays - {_SUNDAY})
        return _numbered(days), f"*/7,{rest}" if weekdays - {_SUNDAY} else "*/7"
    raise NoCron("it wants both a day of the month and a weekday, of which cron takes either")


def _weeks(days: MonthDays, longest: int) -> list[int]:
    """Return the numbers of the weeks of the month that these days are; none if they are not."""
    if days.has_last:
        return []
    existing = frozenset(range(1, longest + 1))
    weeks = [n for n, week in enumerate(_WEEKS, 1) if (week & existing) <= days.numbered]
    named = frozenset().union(*(_WEEKS[n - 1] for n in weeks)) & existing
    return (
        [n for n in weeks if _WEEKS[n - 1] & existing] if named == days.numbered & existing else []
    )


def _numbered(days: MonthDays) -> str:
    numbered = _spelled(days.numbered, 1, 31) if days.numbered else ""
    return ",".join(filter(None, (numbered, "L" if days.has_last else "")))


def _weekday_list(weekdays: frozenset[int]) -> str:
    if weekdays == ALL_WEEKDAYS:
        return "*"
    return ",".join(_DAYS[a] if a == b else f"{_DAYS[a]}-{_DAYS[b]}" for a, b in _runs(weekdays))


def _spelled(values: frozenset[int], low: int, high: int, has_star: bool = True) -> str:
    """Return a field: ``*``, ``*/10``, ``5-59/10``, or ranges and values."""
    ordered = sorted(values)
    steps = {b - a for a, b in pairwise(ordered)}
    step = steps.pop() if len(steps) == 1 and len(ordered) > 2 else 0
    if step == 1 and len(ordered) == high - low + 1:
        return "*" if has_star else f"{low}-{high}"
    if step > 1:
        is_all = ordered[0] == low and ordered[-1] + step > high
        if is_all:
            return f"*/{step}" if has_star else f"{low}-{high}/{step}"
        return f"{ordered[0]}-{ordered[-1]}/{step}"
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in _runs(values))


def _runs(values: frozenset[int]) -> list[tuple[int, int]]:
    """Return the values as ranges; two neighbours are no range."""
    runs: list[tuple[int, int]] = []
    for value in sorted(values):
        if runs and runs[-1][1] == value - 1:
            runs[-1] = runs[-1][0], value
        else:
            runs.append((value, value))
    pairs = [[(a, a), (b, b)] if b == a + 1 else [(a, b)] for a, b in runs]
    return [run for pair in pairs for run in pair]
