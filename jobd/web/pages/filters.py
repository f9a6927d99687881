"""Filters: how templates tell instants, durations and sizes. ``{{ view.next_due | when }}``."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from jobd.core.amounts import counted, size_words
from jobd.web.words import clock_time, distance, in_words

NOTHING = "\N{EN DASH}"
_TIME = Markup('<time datetime="{0}" title="{1}">{2}</time>')
_BOTH = Markup('<time datetime="{0}" title="{1}">{2} <span class="far">{3}</span></time>')


@pass_context
def when(context: Context, instant: datetime | None, nothing: str = NOTHING) -> str:
    """Return an instant by the clock and how far it is: ``14:05:00 in 4 min``."""
    if instant is None:
        return nothing
    now, zone = context["now"], context["zone"]
    words, far = clock_time(instant, now, zone), distance(instant - now)
    return _BOTH.format(_machine(instant), _exact(instant), words, far)


@pass_context
def far(context: Context, instant: datetime | None, nothing: str = NOTHING) -> str:
    """Return only how far an instant is: ``in 4 min``."""
    if instant is None:
        return nothing
    return _TIME.format(_machine(instant), _exact(instant), distance(instant - context["now"]))


@pass_context
def at(context: Context, instant: datetime | None, nothing: str = NOTHING) -> str:
    """Return only what the clock shows: ``14:05:00``, with its date on another day."""
    if instant is None:
        return nothing
    words = clock_time(instant, context["now"], context["zone"])
    return _TIME.format(_machine(instant), _exact(instant), words)


def took(duration: timedelta | float | None, nothing: str = NOTHING) -> str:
    """Return a duration: ``3 s``, ``4 min 5 s``, ``< 1 ms``; a number is seconds."""
    return nothing if duration is None else in_words(duration)


def size(size_bytes: int | None, nothing: str = NOTHING) -> str:
    """Return a size in powers of 1024: ``512M``."""
    return nothing if size_bytes is None else size_words(size_bytes)


def percent(share: float | None, nothing: str = NOTHING) -> str:
    """Return a share: ``83 %``, ``< 1 %``."""
    if share is None:
        return nothing
    return "< 1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def gap(offset: timedelta) -> str:
    """Return an offset as a side: ``2 s ahead of``, ``120 ms behind``."""
    side = "ahead of" if offset > timedelta(0) else "behind"
    return f"{in_words(abs(offset))} {side}"


def count(number: int) -> str:
    """Return a number with its thousands apart: ``10,000``."""
    return f"{number:,}"


def segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")


def _machine(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _exact(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "at": at,
    "count": count,
    "far": far,
    "gap": gap,
    "percent": percent,
    "plural": counted,
    "segment": segment,
    "size": size,
    "took": took,
    "when": when,
}
