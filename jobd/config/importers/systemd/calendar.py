"""Calendar: one OnCalendar= expression read, as systemd's parser reads it.

The rules are those of systemd.time(7) and, where that is silent, of calendarspec.c: which
numbers are possible, what "Mon-Fri" and a trailing comma mean, that 70 is 1970 and 69 is 2069.
The tests hold the result against ``systemd-analyze calendar``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from jobd.config.importers.fires import ALL_WEEKDAYS
from jobd.core.zone import Zone
from jobd.errors import ScheduleError

SECOND_US = 1_000_000

_SHORTHANDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    **dict.fromkeys(
        ("semiannually", "semi-annually", "biannually", "bi-annually"), "*-01,07-01 00:00:00"
    ),
    **dict.fromkeys(("yearly", "annually", "anually"), "*-01-01 00:00:00"),
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY_NUMBERS = {name: number for number, day in enumerate(_WEEKDAYS) for name in (day, day[:3])}
_CHAIN = r"[0-9.,/*]+"
_DATE = re.compile(rf"(?:({_CHAIN})-)?({_CHAIN})([-~])({_CHAIN})")
_TIME = re.compile(rf"({_CHAIN}):({_CHAIN})(?::({_CHAIN}))?")
_ITEM = re.compile(r"([0-9]{1,9})(?:\.\.([0-9]{1,9}))?(?:/([0-9]{1,9}))?")
_DECIMAL = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_SECONDS_ITEM = re.compile(rf"({_DECIMAL})(?:\.\.({_DECIMAL}))?(?:/({_DECIMAL}))?")


class NoCalendar(ValueError):
    """The text is no calendar expression, also for systemd; the message says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """One value, or several: from ``start`` in steps of ``repeat``, up to ``stop`` if given."""

    start: int
    stop: int | None = None
    repeat: int = 0

    def values(self, highest: int) -> range:
        """Return the values up to ``stop``, or to the highest one that the field has."""
        if not self.repeat:
            return range(self.start, self.start + 1)
        last = highest if self.stop is None else self.stop
        return range(self.start, last + 1, self.repeat)


Items = tuple[Item, ...]  # none: any value


@dataclass(frozen=True, slots=True)
class Calendar:
    """An expression. ``from_end``: days are counted from the month's last, which is 1.

    Seconds are in microseconds. ``timezone``: an IANA name, or None for the machine's own.
    """

    weekdays: frozenset[int]
    years: Items
    months: Items
    days: Items
    from_end: bool
    hours: Items
    minutes: Items
    seconds_us: Items
    timezone: str | None

    @property
    def loses_its_first(self) -> bool:
        """Whether systemd passes over what is first after midnight, on some days or on all.

        A defect, seen in 252: a step that has no more to step to in its hour (``*:0/7`` after
        :56) counts on into the next one (:03), which at the end of a day hides what comes first.
        """
        fields = ((self.hours, 24), (self.minutes, 60), (self.seconds_us, 60 * SECOND_US))
        return any(_steps_over(items, size) for items, size in fields)


def parse_calendar(text: str) -> Calendar:
    """Return what the expression names; ``NoCalendar`` for what systemd would refuse as well."""
    body, timezone = _without_zone(text)
    body = _SHORTHANDS.get(body.lower(), body)
    if body.startswith("@"):
        raise NoCalendar("names one instant")
    weekdays, rest = _weekdays(body)
    date, time = _date_and_time(rest)
    years, months, days, from_end = _date(date)
    hours, minutes, seconds = _time(time)
    return Calendar(weekdays, years, months, days, from_end, hours, minutes, seconds, timezone)


def _steps_over(items: Items, size: int) -> bool:
    stepping = [item for item in items if item.repeat and item.stop is None]
    beyond = [item.values(size - 1)[-1] + item.repeat for item in stepping]
    return bool(beyond) and min(beyond) - size > min(item.start for item in items)


def _without_zone(text: str) -> tuple[str, str | None]:
    body, space, last = text.rpartition(" ")
    if not space:
        return text, None
    if last.upper() == "UTC":
        return body, "UTC"
    if last[:1].isalpha() and not last.lower().startswith(tuple(_WEEKDAY_NUMBERS)):
        try:
            return body, Zone.of(last).key
        except ScheduleError:
            raise NoCalendar(f"{last} is no time zone of the IANA database") from None
    return text, None


def _weekdays(body: str) -> tuple[frozenset[int], str]:
    """Return the days and what follows them; a trailing comma is allowed, an open range is not."""
    if not body[:1].isalpha():
        return ALL_WEEKDAYS, body
    word, _, rest = body.partition(" ")
    days: set[int] = set()
    for item in word.removesuffix(",").split(","):
        days.update(_weekday_range(item))
    return frozenset(days), rest.lstrip(" ")


def _weekday_range(item: str) -> range:
    first, _, last = item.lower().replace("..", "-", 1).partition("-")
    low, high = _WEEKDAY_NUMBERS.get(first), _WEEKDAY_NUMBERS.get(last or first)
    if low is None or high is None or item.endswith(("-", ".")):
        raise NoCalendar(f"{item} is no weekday")
    if low > high:
        raise NoCalendar(f"{item} runs backwards")
    return range(low, high + 1)


def _date_and_time(rest: str) -> tuple[str, str]:
    date, space, time = rest.partition(" ")
    if not space and ":" in date:
        return "", date
    return date, time.lstrip(" ")


def _date(date: str) -> tuple[Items, Items, Items, bool]:
    if not date:
        return (), (), (), False
    match = _DATE.fullmatch(date)
    if match is None:
        raise NoCalendar(f"{date} is no date")
    year, month, dash, day = match.groups()
    from_end = dash == "~" and day != "*"
    years = _items(year or "*", _year, 1970, 2199)
    return years, _items(month, int, 1, 12), _items(day, int, 1, 31, from_end=from_end), from_end


def _time(time: str) -> tuple[Items, Items, Items]:
    midnight = (Item(0),)
    if not time:
        return midnight, midnight, midnight
    match = _TIME.fullmatch(time)
    if match is None:
        raise NoCalendar(f"{time} is no time of day")
    hour, minute, second = match.groups()
    return _items(hour, int, 0, 23), _items(minute, int, 0, 59), _seconds(second or "0")


def _items(
    chain: str, number: Callable[[str], int], low: int, high: int, *, from_end: bool = False
) -> Items:
    if chain == "*":
        return ()
    items = []
    for text in chain.split(","):
        match = _ITEM.fullmatch(text)
        if match is None:
            raise NoCalendar(f"{text} is no number or range")
        repeat = int(match[3]) if match[3] else 1 if match[2] else 0
        if match[3] and not repeat:
            raise NoCalendar(f"{text} has step 0")
        item = _settled(number(match[1]), number(match[2]) if match[2] else None, repeat)
        _require_possible(text, item, low, high - 3 if from_end else high, from_end)
        items.append(item)
    return tuple(items)


def _seconds(chain: str) -> Items:
    if chain == "*":
        return (Item(0, None, SECOND_US),)
    items = []
    for text in chain.split(","):
        match = _SECONDS_ITEM.fullmatch(text)
        if match is None:
            raise NoCalendar(f"{text} is no second or range of seconds")
        start, stop, repeat = (None if part is None else _micros(part) for part in match.groups())
        assert start is not None
        if repeat == 0:
            raise NoCalendar(f"{text} has step 0")
        if repeat is None and stop is not None and start + SECOND_US > stop:
            raise NoCalendar(f"{text} spans no second")
        if repeat is None:
            repeat = 0 if stop is None else SECOND_US
        item = _settled(start, stop, repeat)
        _require_possible(text, item, 0, 60 * SECOND_US - 1, from_end=False)
        items.append(item)
    return tuple(items)


def _settled(start: int, stop: int | None, repeat: int) -> Item:
    """Return the item with its last value as ``stop``; a range of one value is that value."""
    if stop is not None and stop >= start and repeat:
        stop -= (stop - start) % repeat
    return Item(start) if stop == start else Item(start, stop, repeat)


def _require_possible(text: str, item: Item, low: int, high: int, from_end: bool) -> None:
    """Refuse what calendarspec.c's chain_valid() refuses: a step that never gets to step."""
    if item.stop is not None:
        fits = low <= item.start and item.stop <= high and item.start + item.repeat <= item.stop
    elif from_end:
        fits = low <= item.start - item.repeat and item.start <= high
    else:
        fits = low <= item.start and item.start + item.repeat <= high
    if not fits or item.repeat > high - low:
        raise NoCalendar(f"{text} is out of range")


def _year(text: str) -> int:
    year = int(text)
    return year + (2000 if year < 70 else 1900) if year < 100 else year


def _micros(text: str) -> int:
    return int(Fraction(text) * SECOND_US + Fraction(1, 2))
