"""Elapse: an OnCalendar= expression as read -> the local times that it names, as sets."""

from dataclasses import replace

from jobd.config.importers.fires import LENGTHS, Fires, MonthDays, NoCron
from jobd.config.importers.systemd.calendar import SECOND_US, Calendar, Item, Items


def fires_of(calendar: Calendar) -> Fires:
    """Return the times of one expression; ``NoCron`` if jobd has no field for some part of it."""
    if calendar.years:
        raise NoCron("it names years, and a cron expression has no field for them")
    months = _values(calendar.months, 1, 12)
    return Fires(
        seconds=_whole_seconds(calendar.seconds_us),
        minutes=_values(calendar.minutes, 0, 59),
        hours=_values(calendar.hours, 0, 23),
        days=_month_days(calendar, months),
        months=months,
        weekdays=calendar.weekdays,
        timezone=calendar.timezone,
    )


def _values(items: Items, low: int, high: int) -> frozenset[int]:
    if not items:
        return frozenset(range(low, high + 1))
    return frozenset().union(*(item.values(high) for item in items))


def _whole_seconds(items: Items) -> frozenset[int]:
    values = frozenset().union(*(item.values(60 * SECOND_US - 1) for item in items))
    if any(value % SECOND_US for value in values):
        raise NoCron("it names fractions of a second")
    return frozenset(value // SECOND_US for value in values)


def _month_days(calendar: Calendar, months: frozenset[int]) -> MonthDays:
    if not calendar.from_end:
        return MonthDays(_values(calendar.days, 1, 31))
    lengths = sorted({length for month in months for length in LENGTHS[month]})
    named = {length: _from_end(calendar.days, length) for length in lengths}
    if all(named[length] == _last_seven(length) for length in lengths):
        return MonthDays(frozenset(), are_last_seven=True)
    fixed = frozenset(
        day for day in range(1, 32) if all(day in named[n] for n in lengths if n >= day)
    ) & frozenset(range(1, lengths[-1] + 1))
    # The longest month's last day is the last one anyway.
    for days, has_last in ((fixed, False), (fixed - {lengths[-1]}, True)):
        if all(_on_a_month(days, length, has_last) == named[length] for length in lengths):
            return MonthDays(days, has_last)
    raise NoCron("it counts days from the end of months that are not equally long")


def _from_end(items: Items, length: int) -> frozenset[int]:
    """Return the days of a month of that length; ``items`` count from its end, the last is 1."""
    return frozenset().union(*(_turned(item, length).values(length) for item in items))


def _turned(item: Item, length: int) -> Item:
    day = length + 1 - item.start
    if item.stop is None:
        return replace(item, start=day)
    return Item(length + 1 - item.stop, day, item.repeat)


def _last_seven(length: int) -> frozenset[int]:
    return frozenset(range(length - 6, length + 1))


def _on_a_month(days: frozenset[int], length: int, has_last: bool) -> frozenset[int]:
    return frozenset(day for day in days if day <= length) | ({length} if has_last else set())
