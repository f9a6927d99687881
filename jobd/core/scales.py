"""Scales: where the marks of a plot's axes stand, and what is written at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from jobd.core.amounts import size_words

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_DAY_MIN = 24 * 60
# In minutes: how far apart marks may stand.
_STEPS = (1, 5, 15, 60, 180, 360, 720, *(days * _DAY_MIN for days in (1, 2, 5, 10, 30)))
_MOST_MARKS = 12
_MOST_VALUES = 5
# How far apart marks of durations may stand: seconds of a unit, and how many of it.
_DURATIONS = (
    (0.001, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    (1, (1, 2, 5, 10, 15, 30)),
    (60, (1, 2, 5, 10, 15, 30)),
    (3600, (1, 2, 4, 6, 12)),
    (86400, (1, 2, 5, 10)),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on an axis: where (0 to 1), and its label."""

    place: float
    label: str


def time_marks(
    start: datetime, until: datetime, timezone: str, most: int = _MOST_MARKS
) -> list[Mark]:
    """Return about ``most`` marks at most, at round local times."""
    span = until - start
    step = next((s for s in _STEPS if span / (s * _MINUTE) <= most), _STEPS[-1])
    zone = ZoneInfo(timezone)
    return [
        Mark((instant - start) / span, _time_label(instant.astimezone(zone), step))
        for instant in _round_instants(start, until, step, zone)
    ]


def count_marks(most: float) -> list[Mark]:
    """Return marks at round numbers up to ``most``, which is the top of the axis."""
    numbers = range(0, int(most) + 1, _round_step(int(most)))
    return [Mark(number / most, f"{number:,}") for number in numbers]


def size_marks(most: float) -> list[Mark]:
    """Return marks at sizes of a power of two, or of multiples, up to ``most`` bytes."""
    step = 1 << 10
    while most / step > 5:
        step *= 2
    sizes = range(0, int(most) + 1, step)
    return [Mark(size / most, size_words(size)) for size in sizes]


def duration_marks(most_s: float) -> list[Mark]:
    """Return marks at durations as people count them, up to ``most_s`` seconds."""
    steps = (step * unit for unit, steps in _DURATIONS for step in steps)
    step_s = next((step for step in steps if most_s / step <= _MOST_VALUES), 86400.0)
    step_s *= max(ceil(most_s / step_s / _MOST_VALUES), 1)
    count = int(most_s / step_s)
    return [Mark(n * step_s / most_s, _duration(n * step_s)) for n in range(count + 1)]


def _duration(total_s: float) -> str:
    """Return a round number of seconds, briefly: ``0``, ``50ms``, ``1.5h``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        if total_s >= size:
            return f"{total_s / size:g}{unit}"
    return f"{total_s * 1000:g}ms" if total_s else "0"


def _round_step(most: int) -> int:
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if most // step <= 5:
                return step
        size *= 10


def _round_instants(
    start: datetime, until: datetime, step_min: int, zone: ZoneInfo
) -> Iterator[datetime]:
    """Yield them; every hour is looked at, or every minute of a short span, as hours of the
    day do not stand equally far apart where the clock is changed."""
    pace = _MINUTE * min(step_min, 60)
    instant = start.replace(minute=0, second=0, microsecond=0)
    while instant <= until:
        if instant >= start and _is_round(instant.astimezone(zone), step_min):
            yield instant
        instant += pace


def _is_round(local: datetime, step_min: int) -> bool:
    minute = local.hour * 60 + local.minute
    if step_min < _DAY_MIN:
        return minute % step_min == 0
    return minute == 0 and local.toordinal() % (step_min // _DAY_MIN) == 0


def _time_label(local: datetime, step_min: int) -> str:
    is_midnight = local.hour == local.minute == 0
    if step_min >= _DAY_MIN or is_midnight:
        return f"{local:%a} {local:%m-%d}"
    return f"{local:%H:%M}"
