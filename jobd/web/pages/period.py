"""Period: which stretch of time a timeline shows, as its links write it in the address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_low

from jobd.ports import Window
from jobd.web.problem import bad_request
from jobd.web.query import WRITE_INSTANT, instant_of

CELLS = 240  # four pixels each of a window of a thousand
SPANS: Mapping[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
}
_TICKS = 30  # of one job, that can be told apart
_AHEAD = 1 / 12  # of a window that ends now is still to come
_STEP = 3 / 4  # of a window, to the one before it: a quarter is seen in both
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """A window by the name of its length; ``to`` is its end, None: it follows the clock."""

    span: str
    to: datetime | None = None

    def window(self, now: datetime, jobs: tuple[str, ...] | None) -> Window:
        """Return the window. Its cells lie at fixed places, so that a picture that is asked for
        again stays where it is until a whole cell has gone by."""
        length = SPANS[self.span]
        end = self.to or now + length * _AHEAD
        cell = length / CELLS
        end = _OLDEST - (_OLDEST - end) // cell * cell
        return Window(end - length, end, CELLS, jobs)

    def earlier(self, window: Window) -> datetime:
        """Return where the window before this one ends."""
        return window.end - SPANS[self.span] * _STEP

    def later(self, window: Window, now: datetime) -> datetime | None:
        """Return where the window after this one ends; None: that one follows the clock."""
        end = window.end + SPANS[self.span] * _STEP
        return end if end < now else None


def span_for(intervals: Iterable[timedelta]) -> str:
    """Return the span in which a job of these intervals, the middle one, shows ticks apart."""
    known = [*intervals] or [timedelta(0)]
    wanted = median_low(known) * _TICKS
    return next((name for name, length in SPANS.items() if length >= wanted), [*SPANS][-1])


def period_in(span: str, to: str, now: datetime) -> Period:
    """Return what an address says; ``to`` "" follows the clock."""
    if span not in SPANS:
        raise bad_request(f'span: "{span[:50]}" is none of {", ".join(SPANS)}')
    if not to:
        return Period(span)
    end = instant_of(to)
    if end is None:
        raise bad_request(f"to: {WRITE_INSTANT}")
    if not _OLDEST <= end <= now + timedelta(days=366):
        raise bad_request(f"to: {to} is too far from now")
    return Period(span, end)


def nearer(begun: datetime, ended: datetime, span: str) -> Period | None:
    """Return a shorter period around a time that looks crowded in one of ``span``; None: there
    is no shorter one."""
    shorter = [name for name, length in SPANS.items() if length < SPANS[span]]
    if not shorter:
        return None
    fitting = (name for name in shorter if SPANS[name] >= 2 * (ended - begun))
    name = next(fitting, shorter[-1])
    middle = begun + (ended - begun) / 2
    return Period(name, (middle + SPANS[name] / 2).replace(microsecond=0))
