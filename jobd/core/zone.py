"""Zone: a time zone as stretches of constant offset, in whole seconds.

Instants are seconds since 1970-01-01T00:00Z; local times are the same count read off a
wall clock, so ``local = instant + offset``. Where two stretches meet, the wall clock
either leaves something out (a gap) or shows something again (a fold)::

    seen < start + offset   gap:  local times [seen, start + offset) do not exist
    seen > start + offset   fold: local times [start + offset, seen) come twice

The changes are found by looking at the offset once a day. That is exact: in the whole
time zone database no two changes of a zone lie less than three days apart since 1970.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from jobd.errors import ScheduleError

DAY_S = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
FIRST_YEAR, LAST_YEAR = 2, 9998  # a local time of any offset is a datetime within these

_SECOND = timedelta(seconds=1)
_LEAD_IN = 2 * DAY_S  # longer than any fold


@dataclass(frozen=True, slots=True)
class Stretch:
    """Instants [start, end) with one offset; ``seen`` is how far the wall clock had come."""

    start: int
    end: int
    offset: int
    seen: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone by its IANA name. Made by :meth:`of`, once per name."""

    key: str
    _tz: ZoneInfo = field(repr=False, compare=False)

    @classmethod
    def of(cls, key: str) -> "Zone":
        """Return the zone; ``ScheduleError`` names the nearest one that is known."""
        return _zone(key)

    def stretches(self, second: int) -> Iterator[Stretch]:
        """Yield the stretch that holds ``second``, then those after it, up to year 9998.

        A stretch ends at the end of its year (UTC) at the latest; nothing changes there.
        """
        for year in range(max(year_of(second), FIRST_YEAR), LAST_YEAR + 1):
            for stretch in _stretches_of_year(self, year):
                if stretch.end > second:
                    yield stretch

    def stretches_back(self, second: int) -> Iterator[Stretch]:
        """Yield the stretch that holds ``second``, then those before it, back to year 2."""
        for year in range(min(year_of(second), LAST_YEAR), FIRST_YEAR - 1, -1):
            for stretch in reversed(_stretches_of_year(self, year)):
                if stretch.start <= second:
                    yield stretch

    def offset_at(self, second: int) -> int:
        """Return the seconds to add to ``second`` for the wall clock's time."""
        offset = datetime.fromtimestamp(second, self._tz).utcoffset()
        assert offset is not None
        return offset // _SECOND


def year_of(second: int) -> int:
    """Return the year of an instant, in UTC."""
    return date.fromordinal(second // DAY_S + EPOCH_ORDINAL).year


@lru_cache(maxsize=1024)
def _zone(key: str) -> Zone:
    try:
        return Zone(key, ZoneInfo(key))
    except (KeyError, ValueError, OSError):  # unknown, malformed, a directory
        raise ScheduleError(f"{key[:60]!r} is no time zone; write {_nearest(key)}") from None


def _nearest(key: str) -> str:
    known = sorted(available_timezones())
    place = key[:60].lower().replace(" ", "_")
    by_name = {name.lower(): name for name in known} | {
        name.lower().rpartition("/")[2]: name for name in known if "/" in name
    }
    close = get_close_matches(place, by_name, n=1, cutoff=0.75)
    return f'"{by_name[close[0]]}"' if close else 'an IANA name such as "Europe/Berlin" or "UTC"'


@lru_cache(maxsize=4096)
def _stretches_of_year(zone: Zone, year: int) -> tuple[Stretch, ...]:
    start = (date(year, 1, 1).toordinal() - EPOCH_ORDINAL) * DAY_S
    end = (date(year + 1, 1, 1).toordinal() - EPOCH_ORDINAL) * DAY_S
    stretches = []
    begin, offset = start - _LEAD_IN, zone.offset_at(start - _LEAD_IN)
    seen = begin + offset
    for change, new_offset in _changes(zone, begin, end):
        stretches.append(Stretch(begin, change, offset, seen))
        begin, seen, offset = change, change + offset, new_offset
    stretches.append(Stretch(begin, end, offset, seen))
    return tuple(_cut(stretch, start) for stretch in stretches if stretch.end > start)


def _cut(stretch: Stretch, start: int) -> Stretch:
    """Return what of the stretch lies after ``start``; the rest of a fold remains one."""
    if stretch.start >= start:
        return stretch
    seen = max(stretch.seen, start + stretch.offset)
    return Stretch(start, stretch.end, stretch.offset, seen)


def _changes(zone: Zone, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (instant, offset from then on) for each change in (start, end)."""
    offset = zone.offset_at(start)
    for day in range(start + DAY_S, end + 1, DAY_S):
        later = zone.offset_at(day)
        if later == offset:
            continue
        change = _first_second_with(zone, later, day - DAY_S, day)
        if change < end:
            yield change, later
        offset = later


def _first_second_with(zone: Zone, offset: int, low: int, high: int) -> int:
    """Return the first second in (low, high] with ``offset``, which holds at ``high``."""
    while high - low > 1:
        middle = (low + high) // 2
        if zone.offset_at(middle) == offset:
            high = middle
        else:
            low = middle
    return high
