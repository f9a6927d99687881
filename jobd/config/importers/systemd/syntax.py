"""Syntax of unit files (systemd.syntax(7)): assignments, words and quotes, time spans, sizes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

_SECTION = re.compile(r"\[([^\[\]]+)\]")
_YES, _NO = {"1", "yes", "y", "true", "t", "on"}, {"0", "no", "n", "false", "f", "off"}

_SPAN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-zµμ]*)", re.ASCII)
_SPAN_US = {
    **dict.fromkeys(("usec", "us", "µs", "μs"), 1),
    **dict.fromkeys(("msec", "ms"), 1000),
    **dict.fromkeys(("seconds", "second", "sec", "s", ""), 1_000_000),
    **dict.fromkeys(("minutes", "minute", "min", "m"), 60_000_000),
    **dict.fromkeys(("hours", "hour", "hr", "h"), 3_600_000_000),
    **dict.fromkeys(("days", "day", "d"), 86_400_000_000),
    **dict.fromkeys(("weeks", "week", "w"), 604_800_000_000),
    **dict.fromkeys(("months", "month", "M"), 2_629_800_000_000),
    **dict.fromkeys(("years", "year", "y"), 31_557_600_000_000),
}
_LONGEST_US = 10**9 * 86_400_000_000  # what a timedelta holds
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*([KMGTPE]?)B?", re.ASCII)
_SIZE_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}

_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "s": " ",
}
_CODED = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})")


class Unreadable(ValueError):
    """A value that systemd would refuse; the message says why."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """``key=value`` in a section, where it stands."""

    section: str
    key: str
    value: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}={self.value}"


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that is no assignment, which systemd passes over as well; ``why`` it does."""

    file: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word without its quotes. ``is_bare``: it had none, and no escapes."""

    text: str
    is_bare: bool = True


def read_assignments(text: str, file: str) -> Iterator[Assignment | Stray]:
    """Yield what a unit file assigns, in order, and the lines that assign nothing."""
    section = ""
    for number, line in _joined(text):
        if match := _SECTION.fullmatch(line):
            section = match[1]
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            yield Stray(file, number, "is neither a section nor an assignment")
        elif not section:
            yield Stray(file, number, "stands before the first section")
        elif "\0" in line or "\ufffd" in line:
            yield Stray(file, number, "is not UTF-8 text")
        else:
            yield Assignment(section, key.strip(), value.strip(), file, number)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines without comments, those joined that end in a backslash, by their first number."""
    begun, start = "", 0
    for number, raw in enumerate(_lines(text), 1):
        line = raw.lstrip()
        if line.startswith(("#", ";")) or (not line and not begun):
            continue
        start = start if begun else number
        begun += line
        if _goes_on(line):
            begun = begun[:-1] + " "
            continue
        if begun.strip():
            yield start, begun.strip()
        begun = ""
    if begun.strip():
        yield start, begun.strip()


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _goes_on(line: str) -> bool:
    """Whether the line ends in a backslash that no other one escapes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def split_words(text: str) -> list[Word]:
    """Return the words of a value; ``Unreadable`` if a quote is not closed.

    Both kinds of quotes take escapes. An unknown escape stays as it is written.
    """
    words: list[Word] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        word, place = _word(text, place)
        words.append(word)
    return words


def _word(text: str, place: int) -> tuple[Word, int]:
    taken, quote, start = "", "", place
    while place < len(text):
        char = text[place]
        if char == "\\":
            escaped, place = _escaped(text, place + 1)
            taken += escaped
            continue
        if not quote and char.isspace():
            break
        if char == quote or (not quote and char in "\"'"):
            quote = "" if quote else char
        else:
            taken += char
        place += 1
    if quote:
        raise Unreadable(f"a {quote} is not closed")
    return Word(taken, text[start:place] == taken), place


def _escaped(text: str, place: int) -> tuple[str, int]:
    """Return what the escape behind a backslash means, and the place after it."""
    if match := _CODED.match(text, place):
        digits, radix = match[1] or match[2] or match[3] or match[4], 8 if match[4] else 16
        code = int(digits, radix)
        if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000:
            return chr(code), match.end()
    char = text[place : place + 1]
    return _ESCAPES.get(char, f"\\{char}"), place + 1


def is_true(text: str) -> bool:
    """Return what a boolean says; ``Unreadable`` if it is none."""
    word = text.lower()
    if word not in _YES | _NO:
        raise Unreadable("is neither yes nor no")
    return word in _YES


def is_false(text: str) -> bool:
    """Return whether the text is a boolean that says no."""
    return text.lower() in _NO


def time_span(text: str) -> timedelta | None:
    """Return the time that "90", "1h 30min" or "2d" name; None for "infinity"."""
    if text == "infinity":
        return None
    total, place = Fraction(0), 0
    while match := _SPAN.match(text, place):
        if match[2] not in _SPAN_US:
            break
        total += Fraction(match[1]) * _SPAN_US[match[2]]
        place = match.end()
    if place == 0 or text[place:].strip():
        raise Unreadable("is no time span")
    if total > _LONGEST_US:
        raise Unreadable("is too long")
    return timedelta(microseconds=round(total))


def size(text: str) -> int | None:
    """Return bytes, in powers of 1024; None for "infinity"."""
    if text == "infinity":
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise Unreadable("is no size")
    return int(Fraction(match[1]) * 1024 ** _SIZE_POWERS[match[2]])
