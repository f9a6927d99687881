"""Instants, durations and sizes as people read them, in the zone of their terminal."""

from datetime import datetime, timedelta

NOTHING = "-"
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def instant(text: str | None) -> datetime | None:
    """Return an instant of the daemon's JSON in local time."""
    return datetime.fromisoformat(text).astimezone() if text else None


def when(text: str | None, now: datetime) -> str:
    """Return local time and how far it is: ``10:15:00 (in 4m)``; with date if another day."""
    moment = instant(text)
    if moment is None:
        return NOTHING
    local_now = now.astimezone()
    form = "%H:%M:%S" if moment.date() == local_now.date() else "%Y-%m-%d %H:%M:%S"
    return f"{moment:{form}} ({distance(moment - local_now)})"


def distance(span: timedelta) -> str:
    """Return ``in 4m``, ``2m ago`` or ``now``."""
    if abs(span) < timedelta(seconds=1):
        return "now"
    words = roughly(abs(span).total_seconds())
    return f"in {words}" if span > timedelta(0) else f"{words} ago"


def roughly(total_s: float) -> str:
    """Return a duration by its largest unit, two of them from an hour on: ``4m``, ``2h 5m``."""
    rest, parts = int(total_s), []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[: 2 if total_s >= 3600 else 1]) or "0s"


def duration(total_s: float | None) -> str:
    """Return an exact enough duration: ``120ms``, ``3.2s``, ``4m 5s``, ``1d``."""
    if total_s is None:
        return NOTHING
    if total_s < 1:
        return f"{total_s * 1000:.0f}ms" if total_s else "0s"
    if total_s < 60:
        return f"{total_s:.1f}".removesuffix(".0") + "s"
    rest, parts = round(total_s), []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def size(count: int | None) -> str:
    """Return bytes in powers of 1024, as the configuration writes them: ``512M``."""
    if count is None:
        return NOTHING
    value = float(count)
    for unit in ("", "K", "M", "G"):
        if value < 1024:
            return f"{value:.1f}".removesuffix(".0") + unit
        value /= 1024
    return f"{value:.1f}".removesuffix(".0") + "T"
