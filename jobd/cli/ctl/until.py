"""``--until``: an instant as somebody types it, who looks at the clock on the wall."""

import re
from datetime import datetime, timedelta

import click

_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}")


def until(text: str, now: datetime) -> str:
    """Return the instant with its zone: a date and time, or a time of day, the next one.

    Without a zone the terminal's is meant. Anything else is a ``click.UsageError``.
    """
    here = now.astimezone().replace(tzinfo=None)  # a day later it may be summer time
    try:
        if _TIME_OF_DAY.fullmatch(text):
            return _next(text, here).astimezone().isoformat()
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError):
        example = f"18:00 or {here + timedelta(days=1):%Y-%m-%dT%H:%M}"
        raise click.UsageError(f'--until "{text}": write it as {example}') from None


def _next(text: str, here: datetime) -> datetime:
    hour, minute = map(int, text.split(":"))
    today = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today > here else today + timedelta(days=1)
