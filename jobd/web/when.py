"""When: the time that a person asks about, read in the job's time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from jobd.web.problem import bad_request

_TIME_OF_DAY = re.compile(r"\d\d:\d\d(:\d\d)?")
_PLUS_LOST = re.compile(r"(T.*) (\d\d:?\d\d)$")  # a "+" in a URL means a space
_HAS_SECONDS = re.compile(r"\d\d:\d\d:\d\d")
_FARTHEST = timedelta(days=3653)  # no schedule is searched for longer
_FORMS = "write 2026-11-23T10:15, with or without seconds and zone, or 10:15 for today"


@dataclass(frozen=True, slots=True)
class When:
    """A stretch of time: one minute when only a minute was given, else one second."""

    start: datetime
    end: datetime  # not included

    def holds(self, instant: datetime | None) -> bool:
        """Return whether the instant lies in the stretch."""
        return instant is not None and self.start <= instant < self.end


def parse_when(text: str, zone: tzinfo, now: datetime) -> When:
    """Return what is meant by an ISO time, or by a time of day of today.

    Without a zone it is the job's own time, for that is how its schedule is written. Of
    a local time that comes twice the first is meant.
    """
    try:
        instant = _instant(_PLUS_LOST.sub(r"\1+\2", text.strip()), zone, now)
        start = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_request(f'"{text[:50]}" is no time; {_FORMS}') from None
    if abs(start - now) > _FARTHEST:
        raise bad_request(f'"{text[:50]}" is more than ten years away')
    width_s = 1 if _HAS_SECONDS.search(text) else 60
    start = start.replace(microsecond=0)
    return When(start, start + timedelta(seconds=width_s))


def _instant(text: str, zone: tzinfo, now: datetime) -> datetime:
    if _TIME_OF_DAY.fullmatch(text):
        text = f"{now.astimezone(zone):%Y-%m-%d}T{text}"
    if ":" not in text:
        raise ValueError("no time of day")
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)
