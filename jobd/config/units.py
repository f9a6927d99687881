"""Durations and sizes as people write them, both ways: "1h30m" and "512M".

What people write survives the way there and back; what was measured is rounded for
reading, so that ``ctl`` shows both with the same words.
"""

import re
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache

from jobd.config.problem import Unfit

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_BYTES = {"T": 1 << 40, "G": 1 << 30, "M": 1 << 20, "K": 1 << 10}

_NUMBER = r"\d{1,12}(?:\.\d{1,6})?"
_DURATION = re.compile(
    rf"(?=.)(?:({_NUMBER})d)?(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?", re.ASCII
)
_SIZE = re.compile(rf"({_NUMBER})([KMGT]?)", re.ASCII)
_LONGEST_S = 3650 * 86400

_LOOSE = re.compile(r"([\d.]+)\s*([a-zµ]*)[\s,]*", re.IGNORECASE | re.ASCII)
_LOOSE_SECONDS = {
    "": 1,
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400),
}
_LOOSE_BYTES = {
    "": 1 << 20,  # a bare number most likely means MiB
    "b": 1,
    **dict.fromkeys(("k", "kb", "kib", "ki"), 1 << 10),
    **dict.fromkeys(("m", "mb", "mib", "mi"), 1 << 20),
    **dict.fromkeys(("g", "gb", "gib", "gi"), 1 << 30),
    **dict.fromkeys(("t", "tb", "tib", "ti"), 1 << 40),
}


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> timedelta:
    """Return the duration that "90s", "15m", "1h30m" or "2d" names; ``Unfit`` otherwise."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Unfit("is no duration", _duration_mend(text))
    seconds = sum(
        Fraction(number) * unit
        for number, unit in zip(match.groups(), _SECONDS.values(), strict=True)
        if number is not None
    )
    if seconds > _LONGEST_S:
        raise Unfit("is longer than ten years", 'write at most "3650d"')
    return timedelta(microseconds=round(seconds * 1_000_000))


def format_duration(duration: timedelta) -> str:
    """Return "1h30m" for a duration; below ten seconds with at most two decimals.

    Exact for whole seconds: :func:`parse_duration` reads back what was formatted.
    """
    if duration < timedelta(0):
        return f"-{format_duration(-duration)}"
    if duration % timedelta(seconds=1) and duration < timedelta(seconds=10):
        return f"{duration.total_seconds():.2f}".rstrip("0").rstrip(".") + "s"
    rest = round(duration / timedelta(seconds=1))
    parts = []
    for name, unit in _SECONDS.items():
        count, rest = divmod(rest, unit)
        parts.append(f"{count}{name}" if count else "")
    return "".join(parts) or "0s"


@lru_cache(maxsize=1024)
def parse_size(text: str) -> int:
    """Return the bytes that "512M" or "2G" name, in powers of 1024; ``Unfit`` otherwise."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise Unfit("is no size", _size_mend(text))
    return round(Fraction(match[1]) * _BYTES.get(match[2], 1))


def format_size(size_bytes: int) -> str:
    """Return "512M" for a number of bytes, and "253.4M" where that takes five digits.

    Exact for one to four digits and a unit: :func:`parse_size` reads back what was formatted.
    """
    units = {**_BYTES, "": 1}
    for name, unit in units.items():
        if size_bytes and size_bytes % unit == 0 and size_bytes // unit < 10_000:
            return f"{size_bytes // unit}{name}"
    for name, unit in _BYTES.items():
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f}".removesuffix(".0") + name
    return str(size_bytes)


def _duration_mend(text: str) -> str:
    if text.isascii() and text.isdigit():
        return f'write "{text[:9]}s", if seconds are meant'
    seconds = _loosely(text, _LOOSE_SECONDS)
    if seconds is None or not 1 <= seconds <= _LONGEST_S:
        return 'write it like "90s", "15m", "1h30m" or "2d"'
    return f'write "{format_duration(timedelta(seconds=round(seconds)))}"'


def _size_mend(text: str) -> str:
    size = _loosely(text, _LOOSE_BYTES)
    if size is None or not 1 <= size < 1 << 60:
        return 'write it like "512M" or "2G"'
    return f'write "{format_size(round(size))}"'


def _loosely(text: str, units: dict[str, int]) -> Fraction | None:
    """Return what a person probably meant: "5 min", "1 hour 30 minutes", "512 MB"."""
    total, end = Fraction(0), 0
    text = text.strip()[:40]
    while match := _LOOSE.match(text, end):
        number, unit, end = match[1], units.get(match[2].lower()), match.end()
        if unit is None or not re.fullmatch(_NUMBER, number, re.ASCII):
            return None
        total += Fraction(number) * unit
    return total if total and end == len(text) else None
