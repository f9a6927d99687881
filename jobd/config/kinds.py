"""What one value may look like: from what TOML holds to what the core works with.

Each function returns the value or raises ``Unfit`` with the words for the person who wrote
it. None of them knows keys, files or pydantic.
"""

import re
import signal
import warnings
from collections.abc import Callable
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from jobd.config.names import text
from jobd.config.problem import Unfit
from jobd.config.units import format_duration, format_size, parse_duration, parse_size
from jobd.core.outcome import Outcome
from jobd.core.zone import Zone
from jobd.errors import ScheduleError

E = TypeVar("E", bound=StrEnum)

RETRIED = (Outcome.FAILURE, Outcome.TIMEOUT, Outcome.OOM, Outcome.LOST, Outcome.START_ERROR)
_PERCENT = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)%", re.ASCII)
_RTMIN = re.compile(r"RTMIN\+(\d{1,2})", re.ASCII)
_LONGEST_PATTERN = 1000


class Gap(StrEnum):
    """What a fixed-hour job does whose local time does not exist that day."""

    SHIFT = "shift"
    SKIP = "skip"


class Fold(StrEnum):
    """What a fixed-hour job does whose local time comes twice that day."""

    FIRST = "first"
    BOTH = "both"


def duration(shortest: timedelta, longest: timedelta) -> Callable[[object], timedelta]:
    """Return a reader of durations between two bounds, both allowed."""
    allowed = f'"{format_duration(shortest)}" to "{format_duration(longest)}"'

    def read(value: object) -> timedelta:
        if isinstance(value, str):
            parsed = parse_duration(value)
            if not shortest <= parsed <= longest:
                raise Unfit("is out of range", f"write {allowed}")
            return parsed
        is_count = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**8
        raise Unfit("is no duration", f'write "{value}s"' if is_count else 'write it like "15m"')

    return read


def size(smallest: int, largest: int) -> Callable[[object], int]:
    """Return a reader of sizes between two bounds, both allowed."""
    allowed = f'"{format_size(smallest)}" to "{format_size(largest)}"'

    def read(value: object) -> int:
        if not isinstance(value, str):
            raise Unfit("is no size", 'write it in quotes with a unit, like "512M"')
        parsed = parse_size(value)
        if not smallest <= parsed <= largest:
            raise Unfit("is out of range", f"write {allowed}")
        return parsed

    return read


def memory_share(value: object) -> int | float:
    """Return bytes from "2G", or the share of the node's memory from "60%"."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        share = float(match[1]) / 100
        if not 0.01 <= share <= 1:
            raise Unfit("is out of range", 'write "1%" to "100%" of this node\'s memory')
        return share
    if isinstance(value, str) and not value.endswith("%"):
        return size(1 << 20, 1 << 50)(value)
    raise Unfit("is no size", 'write "60%" of this node\'s memory, or a size like "2G"')


def choice(options: type[E]) -> Callable[[object], E]:
    """Return a reader of an enum's values that suggests the nearest one."""
    values = [option.value for option in options]
    listed = " or ".join(f'"{value}"' for value in values)

    def read(value: object) -> E:
        if isinstance(value, str):
            if value in values:
                return options(value)
            if near := get_close_matches(value.lower()[:40], values, 1):
                raise Unfit("is not allowed", f'write "{near[0]}" (one of {listed})')
        raise Unfit("is not allowed", f"write {listed}")

    return read


def zone(value: object) -> str:
    """Return the name of a time zone that this machine, or the tzdata package, knows."""
    if not isinstance(value, str):
        raise Unfit("is no time zone", 'write a name like "Europe/Berlin"')
    try:
        return Zone.of(value).key
    except ScheduleError as error:
        raise Unfit("is no time zone", str(error).partition("; ")[2]) from None


def signal_number(value: object) -> int:
    """Return the number of "TERM", "SIGTERM", "RTMIN+3" or 15."""
    number = _signal(value)
    if number is None:
        raise Unfit("is no signal", 'write a name like "TERM" or "INT", or its number')
    if number == signal.SIGSTOP:
        raise Unfit("ends no process", 'write "TERM", "INT" or "QUIT"')
    return number


def signal_name(number: int) -> str:
    """Return a signal as it is written: "TERM"."""
    return signal.Signals(number).name.removeprefix("SIG")


def command(value: object) -> str | tuple[str, ...]:
    """Return a command: a text to split, or the parts of a list as they are."""
    if isinstance(value, str):
        if not value.strip():
            raise Unfit("is empty", "write what to execute")
        return text(value)
    if not isinstance(value, list):
        raise Unfit("is no command", 'write it like ["/usr/bin/find", "/tmp"], or as one text')
    if not value or value[0] == "":
        raise Unfit("is empty", "write what to execute")
    if not all(isinstance(part, str) for part in value):
        raise Unfit("holds something that is no text", "write every part in quotes")
    return tuple(text(part) for part in value)


def cores(value: object) -> float:
    """Return cores from "50%" (half of one), "200%" (two) or a number of cores."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        share = float(match[1]) / 100
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        share = float(value)
    else:
        raise Unfit("is no share of CPU time", 'write "50%" for half a core, "200%" for two')
    if not 0.01 <= share <= 1024:
        raise Unfit("is out of range", 'write "1%" (of one core) to "102400%"')
    return share


def umask(value: object) -> int:
    """Return the mask from four octal digits in quotes."""
    if not isinstance(value, str) or not re.fullmatch(r"0?[0-7]{3}", value):
        raise Unfit("is no umask", 'write it as octal digits in quotes, like "0022"')
    return int(value, 8)


def pattern(value: object) -> str:
    """Return a regular expression that compiles."""
    if not isinstance(value, str):
        raise Unfit("is no regular expression", "write it in quotes")
    if len(value) > _LONGEST_PATTERN:
        raise Unfit("is too long", f"write at most {_LONGEST_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what the next Python reads otherwise
            re.compile(value)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        reason = str(error) or "it is nested too deeply"
        raise Unfit("is no regular expression", f"mend this: {reason}") from None
    return value


def step_pattern(value: object) -> str:
    """Return a regular expression that compiles and has a group with the name of a step."""
    text = pattern(value)
    if "step" not in re.compile(text).groupindex:
        raise Unfit("has no group named step", "write (?P<step>…) around the step's name")
    return text


def exit_codes(value: object) -> frozenset[int]:
    """Return the exit statuses of a list, each 0 to 255."""
    if not isinstance(value, list) or not value:
        raise Unfit("is no list of exit statuses", "write it like [0, 3]")
    for code in value:
        if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= 255:
            raise Unfit("holds what is no exit status", "write numbers from 0 to 255")
    return frozenset(value)


def retried_outcomes(value: object) -> frozenset[Outcome]:
    """Return the outcomes after which a run gets another attempt."""
    allowed = ", ".join(f'"{outcome}"' for outcome in RETRIED)
    if not isinstance(value, list) or not value:
        raise Unfit("is no list of outcomes", f"write some of [{allowed}]")
    for name in value:
        if not isinstance(name, str) or name not in RETRIED:
            raise Unfit("holds what is not retried", f"write some of [{allowed}]")
    return frozenset(Outcome(name) for name in value)


def outcome_names(outcomes: frozenset[Outcome]) -> list[str]:
    """Return outcomes as they are written, always in one order."""
    return [outcome.value for outcome in RETRIED if outcome in outcomes]


def _signal(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value in signal.valid_signals() else None
    if not isinstance(value, str):
        return None
    name = value.upper().removeprefix("SIG")
    if match := _RTMIN.fullmatch(name):
        number = signal.SIGRTMIN + int(match[1])
        return number if number <= signal.SIGRTMAX else None
    found = signal.Signals.__members__.get(f"SIG{name}")
    return None if found is None else int(found)
