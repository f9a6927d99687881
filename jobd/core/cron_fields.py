"""What a cron expression says: its text -> the local times that it names.

Five fields (minute, hour, day of month, month, day of week), or six with seconds first::

    *  5  1-5  */10  1-30/2  20/5 (from 20 on)  1,3,5-7   mon-fri  jan   7 is Sunday, too
    L       day of month: the last day        5L, friL, L5   the month's last Friday
    5#2     day of week: the second Friday    @daily …       see MACROS
    H       one value, hashed by the job's name; H(0-29), H/15, H(0-29)/10 likewise

croniter expands an item; what may be an item is decided here, because croniter reads some
of them unlike cron: ``5-5`` as every minute, a bare ``1/2`` for weekdays without Sunday,
``R`` as another instant on every call. Its own ``H`` hashes hour and minute from the same
bits, so that of 1,440 minutes of a day only 240 are ever chosen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType

from croniter import croniter

from jobd.core.amounts import counted
from jobd.core.wallclock import DailyTimes, Days, Values, WallClock
from jobd.errors import ScheduleError

MACROS: Mapping[str, str] = MappingProxyType(
    {
        "@hourly": "0 * * * *",
        "@daily": "0 0 * * *",
        "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *",
        "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    }
)
MAX_LENGTH = 1000  # every value of every field, spelled out, is shorter

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_STRANGE = re.compile(r"[^A-Za-z0-9*,/#()\-]")
_HASHED = re.compile(r"H(?:\(([0-9]{1,4})-([0-9]{1,4})\))?(?:/([0-9]{1,4}))?")
_ITEM = re.compile(r"(\*|[0-9]{1,4}|[A-Z]+)(?:-([0-9]{1,4}|[A-Z]+))?(?:/([0-9]{1,4}))?")
_NTH = re.compile(r"([0-9]{1,4}|[A-Z]+)#([0-9]{1,4})")
_LAST = re.compile(r"L([0-9]|[A-Z]{3})|([0-9]|[A-Z]{3})L")


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """One field: its range, its names, and its column in croniter's order."""

    name: str
    low: int
    high: int
    column: int
    allowed: str
    hash_high: int
    names: tuple[str, ...] = ()


_SECOND = _Field("second", 0, 59, 5, "0-59", 59)
_MINUTE = _Field("minute", 0, 59, 0, "0-59", 59)
_HOUR = _Field("hour", 0, 23, 1, "0-23", 23)
# H stops at 28, as Jenkins' does: a job hashed to the 31st would miss five months.
_DAY = _Field("day of month", 1, 31, 2, "1-31, or L for the last", 28)
_MONTH = _Field("month", 1, 12, 3, "1-12 or jan-dec", 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 7, 4, "0-7 or sun-sat", 6, _WEEKDAYS)
_FIELDS = (_SECOND, _MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)

Words = tuple[str, ...]  # the six fields in upper case, seconds first, no H left


@dataclass(frozen=True, slots=True)
class CronFields:
    """An expression read. ``is_fixed``: neither minute nor hour begins with ``*``."""

    wallclock: WallClock
    is_fixed: bool


def words_of(text: str, job: str) -> Words:
    """Return the fields of an expression with every ``H`` resolved for that job.

    Raises ``ScheduleError`` when it has not five or six fields of cron's characters.
    """
    words = _split(text)
    if not any("H" in word for word in words):
        return words
    return tuple(
        ",".join(_resolve(field, item, job) for item in word.split(","))
        for field, word in zip(_FIELDS, words, strict=True)
    )


@lru_cache(maxsize=4096)
def read(words: Words) -> CronFields:
    """Return what the fields name; ``ScheduleError`` says what is wrong in them."""
    second, minute, hour, day, month, weekday = words
    days = _days(day, month, weekday)
    if not days.is_possible():
        raise ScheduleError(
            "it never fires: none of its months has such a day;"
            ' write a day that exists, or "L" for the last of the month'
        )
    times = DailyTimes(_values(_HOUR, hour), _values(_MINUTE, minute), _values(_SECOND, second))
    is_fixed = not minute.startswith("*") and not hour.startswith("*")
    return CronFields(WallClock(days, times), is_fixed)


@lru_cache(maxsize=4096)
def _split(text: str) -> Words:
    words = text.split()
    if not words:
        raise ScheduleError('it is empty; write five fields such as "*/10 * * * *", or "@daily"')
    if len(text) > MAX_LENGTH:
        raise ScheduleError(f"it is {len(text)} characters long; write at most {MAX_LENGTH}")
    if words[0].startswith("@"):
        words = _macro(" ".join(words).lower()).split()
    for word in words:
        if strange := _STRANGE.search(word):
            raise ScheduleError(_about_character(strange.group()))
    if len(words) not in (5, 6):
        raise ScheduleError(_about_number(len(words)))
    seconds = ["0"] if len(words) == 5 else []
    return tuple(word.upper() for word in seconds + words)


def _macro(name: str) -> str:
    if name in MACROS:
        return MACROS[name]
    if name == "@reboot":
        raise ScheduleError(
            "@reboot names no time; write a schedule,"
            " and leave what must happen at boot to a systemd unit"
        )
    if name.startswith("@every "):
        raise ScheduleError('@every is no cron; write the key every = "…" in place of schedule')
    close = get_close_matches(name[:20], MACROS, n=1) or [
        "five fields, or one of " + ", ".join(MACROS)
    ]
    raise ScheduleError(f"{name[:40]!r} is not known; write {close[0]}")


def _about_character(strange: str) -> str:
    if strange == "?":
        return '"?" is not cron\'s; write "*"'
    return f"{strange!a} has no place in it; write digits, names and * , - / # L H"


def _about_number(count: int) -> str:
    year = " (there is no field for years)" if count == 7 else ""
    return (
        f"it has {counted(count, 'field')}{year}; write 5 (minute, hour,"
        " day of month, month, day of week) or 6 (seconds first)"
    )


def _resolve(field: _Field, item: str, job: str) -> str:
    """Return the item with its ``H``, if it is one, replaced by what the job's name gives."""
    match = _HASHED.fullmatch(item)
    if match is None:
        return item
    low, high = field.low, field.hash_high
    if match[1]:
        low, high = int(match[1]), int(match[2])
        if not field.low <= low < high <= field.high:
            raise ScheduleError(
                f"{item} spans no {field.name}s;"
                f" write H(from-to) within {field.low}-{field.high}, smaller first"
            )
    step = _step(item, match[3]) if match[3] else None
    digest = blake2b(f"{field.name} of {job}".encode(errors="surrogatepass"), digest_size=8)
    width = min(step or high, high - low + 1) if step else high - low + 1
    value = low + (int.from_bytes(digest.digest()) * width >> 64)
    return f"{value}-{high}/{step}" if step else str(value)


@lru_cache(maxsize=4096)
def _values(field: _Field, word: str) -> Values:
    """Return the values of a field that holds no ``L`` or ``#``."""
    return Values.of(frozenset().union(*(_expand(field, item) for item in word.split(","))))


@lru_cache(maxsize=4096)
def _days(day: str, month: str, weekday: str) -> Days:
    day_items, weekday_items = day.split(","), weekday.split(",")
    month_days = [_expand(_DAY, item) for item in day_items if item != "L"]
    nth = {item: _nth_weekday(item) for item in weekday_items}
    weekdays = [_expand(_WEEKDAY, item) for item in weekday_items if nth[item] is None]
    return Days(
        months=frozenset(_values(_MONTH, month).ordered),
        month_days=frozenset().union(*month_days),
        is_last_day="L" in day_items,
        weekdays=frozenset().union(*weekdays),
        nth_weekdays=frozenset(pair for pair in nth.values() if pair is not None),
        # Cron's rule, to the letter: "*/2" begins with a star, too (crontab(5), vixie's
        # DOM_STAR and DOW_STAR).
        is_either=not day.startswith("*") and not weekday.startswith("*"),
    )


def _nth_weekday(item: str) -> tuple[int, int] | None:
    """Return (weekday, which of the month) for ``5#2``, (weekday, 0) for ``5L``, or None."""
    if match := _NTH.fullmatch(item):
        if not 1 <= int(match[2]) <= 5:
            raise ScheduleError(f"{item}: no month has that day; write #1 to #5, or L for the last")
        return _number(_WEEKDAY, match[1]) % 7, int(match[2])
    if match := _LAST.fullmatch(item):
        return _number(_WEEKDAY, match[1] or match[2]) % 7, 0
    return None


@lru_cache(maxsize=4096)
def _expand(field: _Field, item: str) -> frozenset[int]:
    """Return the values of one item: ``*``, a value or a range, perhaps with a step."""
    columns = ["*"] * 6
    columns[field.column] = _spell_out(field, item)
    expanded: list[int | str] = croniter.expand(" ".join(columns))[0][field.column]
    if expanded == ["*"]:
        return frozenset(range(field.low, min(field.high, 6 if field is _WEEKDAY else 59) + 1))
    return frozenset(value for value in expanded if isinstance(value, int))


def _spell_out(field: _Field, item: str) -> str:
    """Return the item in numbers, in the one form that croniter reads as cron does."""
    match = _ITEM.fullmatch(item)
    if match is None or (match[1] == "*" and match[2]):
        raise ScheduleError(_about_item(field, item))
    step = _step(item, match[3]) if match[3] else 1
    if match[1] == "*":
        return f"*/{step}" if match[3] else "*"
    low = _number(field, match[1])
    high = _number(field, match[2]) if match[2] else field.high if match[3] else low
    if field is _WEEKDAY and match[2] and high == 0 < low:
        high = 7  # fri-sun
    if low > high:
        raise ScheduleError(f"{item} runs backwards; write {low}-{field.high},{field.low}-{high}")
    return f"{low}-{high}/{step}" if low < high else str(low)


def _number(field: _Field, word: str) -> int:
    if word in field.names:
        return field.names.index(word) + field.low
    if not word.isdigit() or not field.low <= int(word) <= field.high:
        raise ScheduleError(_about_item(field, word))
    return int(word)


def _step(item: str, step: str) -> int:
    if int(step) == 0:
        raise ScheduleError(f"{item} has step 0; write a step of 1 or more")
    return int(step)


def _about_item(field: _Field, item: str) -> str:
    if not item:
        return f"the {field.name} has an empty item; write values between the commas"
    if field is _DAY and "W" in item:
        return f"{item}: weekdays nearest to a date (W) are not supported; write {field.allowed}"
    if field is _WEEKDAY and item == "L":
        return "L alone is no day of week; write 5L for the month's last Friday"
    return f"{item[:40]} is no {field.name}; write {field.allowed}"


def quoted(text: str) -> str:
    """Return the text fit for a message: short, on one line, in plain characters."""
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    return f'"{shown}"' if shown.isprintable() else ascii(shown)
