"""Times and durations in words, in a job's own time zone."""

from datetime import datetime, timedelta, tzinfo

_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def in_words(duration: timedelta | float) -> str:
    """Return a duration as people say it: ``120 ms``, ``3 s``, ``4 min 5 s``, ``2 h``."""
    total_s = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if abs(total_s) < 1:
        return f"{round(total_s * 1000)} ms"
    rest, parts = round(abs(total_s)), []
    for size, unit in _STEPS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return ("-" if total_s < 0 else "") + " ".join(parts[:2])


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
