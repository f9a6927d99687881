"""Times, durations and attempts in words, in a job's own time zone."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def in_words(duration: timedelta | float) -> str:
    """Return a duration as people say it: ``< 1 ms``, ``120 ms``, ``4 min 5 s``, ``2 h``."""
    total_s = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if 0 <= total_s < 0.001:
        return "< 1 ms"
    if abs(total_s) < 1:
        return f"{round(total_s * 1000)} ms"
    rest, parts = round(abs(total_s)), []
    for size, unit in _STEPS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return ("-" if total_s < 0 else "") + " ".join(parts[:2])


def attempt_words(attempt: int, retried: Iterable[tuple[int, str]]) -> str:
    """Return which attempt it is and how those before ended: ``attempt 3 (earlier: 2x failure)``,
    "" for the first. ``retried``: their numbers and outcomes. Between two attempts the one that
    is over is among them: ``attempt 1 ended failure``."""
    ended = list(retried)
    own = next((f" ended {outcome}" for number, outcome in ended if number == attempt), "")
    if attempt <= 1 and not own:
        return ""
    before = Counter(outcome for number, outcome in ended if number != attempt)
    told = ", ".join(f"{n}x {outcome}" if n > 1 else outcome for outcome, n in before.most_common())
    return f"attempt {attempt}{own}" + (f" (earlier: {told})" if told else "")


def roughly(span: timedelta) -> str:
    """Return a duration by its largest unit, by two from an hour on: ``4 min``, ``2 h 5 min``."""
    total_s = abs(span.total_seconds())
    if total_s < 1:
        return "0 s"
    size = next(size for size, _ in _STEPS if total_s >= size)
    coarse_s = 60 if size == 3600 else min(size, 3600)
    return in_words(total_s - total_s % coarse_s)


def distance(span: timedelta) -> str:
    """Return how far away an instant is: ``in 4 min``, ``2 h 5 min ago``, ``now``."""
    if abs(span) < timedelta(seconds=1):
        return "now"
    return f"in {roughly(span)}" if span > timedelta(0) else f"{roughly(span)} ago"


def stamp(instant: datetime, zone: tzinfo) -> str:
    """Return date and time, with the zone's name only where that time comes twice."""
    local = instant.astimezone(zone)
    offsets = {local.replace(fold=fold).utcoffset() for fold in (0, 1)}
    return f"{local:%Y-%m-%d %H:%M:%S}" + (f" {local:%Z}" if len(offsets) > 1 else "")


def clock_time(instant: datetime, beside: datetime, zone: tzinfo) -> str:
    """Return the time alone when it is on the same day as ``beside``, else with its date."""
    words = stamp(instant, zone)
    same_day = instant.astimezone(zone).date() == beside.astimezone(zone).date()
    return words.partition(" ")[2] if same_day else words
