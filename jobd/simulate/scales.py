"""Scales: where the marks of a plot's axes stand, and what is written at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jobd.core.admission import size_words

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_DAY_MIN = 24 * 60
# In minutes: how far apart marks may stand.
_STEPS = (1, 5, 15, 60, 180, 360, 720, *(days * _DAY_MIN for days in (1, 2, 5, 10, 30)))
_MOST_MARKS = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on an axis: where (0 to 1), and its label."""

    place: float
    label: str


def time_marks(start: datetime, until: datetime, timezone: str) -> list[Mark]:
    """Return marks at round local times."""
    span = until - start
    step = next((s for s in _STEPS if span / (s * _MINUTE) <= _MOST_MARKS), _STEPS[-1])
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
    return [Mark(size / most, size_words(size) if size else "0") for size in sizes]


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
