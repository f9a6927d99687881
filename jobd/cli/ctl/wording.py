"""Instants, durations and sizes as people read them, in the zone of their terminal."""

from datetime import datetime, timedelta

from jobd.web.brief import NOTHING, duration, roughly, size

__all__ = ["NOTHING", "distance", "duration", "instant", "roughly", "size", "when"]


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


def how_far(text: str | None, now: datetime) -> str:
    """Return only how far an instant is: ``in 4m``, ``2m ago``."""
    moment = instant(text)
    return NOTHING if moment is None else distance(moment - now)


def distance(span: timedelta) -> str:
    """Return ``in 4m``, ``2m ago`` or ``now``."""
    if abs(span) < timedelta(seconds=1):
        return "now"
    words = roughly(abs(span).total_seconds())
    return f"in {words}" if span > timedelta(0) else f"{words} ago"
