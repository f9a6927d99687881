"""Forecast: how long a job takes lately, how much of its interval that is, what memory to
reserve for its next run, and when what it takes will be too much.

The smoothed duration is an exponentially weighted moving average: one number a job, kept
by the store, so that the warning survives a restart. The expected peak of its memory is one
more: an upper envelope of the peaks that were measured. When it will be too much is told from
the trend of the kept runs, and no further ahead than ``HORIZON`` times as far as they reach
back: beyond that a straight line is a fancy.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf

from jobd.core.trend import Trend
from jobd.core.usage import FEWEST_LATELY, Measured

# Half of what a run says is forgotten after three more (0.8³ ≈ 0.51). Smaller would notice
# a job that grows too late, larger would let one slow run raise the alarm.
WEIGHT = 0.2
# Of the difference to a smaller peak so much is given up with each run: after fourteen of them
# half is left (0.95¹⁴ ≈ 0.49).
FALL = 0.05

HORIZON = 3
NOTABLE = 0.05  # of what is usual, over the whole history: what changes less is steady

# What has to have been seen for a word of confidence. A day comes round three times in three
# days, and a week twice in two weeks: with less of them a flank looks like a trend.
_LIKELY_SPAN = timedelta(days=3)
_FAIRLY_SURE_SPAN = timedelta(days=14)
_FAIRLY_SURE_RUNS = 30
_FAIRLY_SURE_RANGE = 3  # how many times as far as the earliest the latest may be
_FARTHEST = timedelta(days=3650)


class Prospect(StrEnum):
    """Where what a job takes is, or will be, beside a limit."""

    OVER = "over"  # what is usual lately is too much already
    REACHES = "reaches"  # it grows, and will be within the horizon
    GROWS = "grows"  # not that soon
    STEADY = "steady"
    SHRINKS = "shrinks"
    UNKNOWN = "unknown"  # too few runs


class Confidence(StrEnum):
    """How far a forecast can be relied on, in the words that people are told."""

    FAIRLY_SURE = "fairly sure"  # two weeks, 30 runs, and a narrow range
    LIKELY = "likely"  # three days: it is not just the time of day
    GUESS = "a guess"


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a limit is reached, if it is. ``latest`` None: it may take very much longer."""

    prospect: Prospect
    confidence: Confidence | None = None  # None: nothing is foretold
    at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None


UNKNOWN = Forecast(Prospect.UNKNOWN)


def smoothed(previous_s: float | None, duration_s: float) -> float:
    """Return the smoothed duration in seconds once a run took ``duration_s``.

    ``previous_s`` None: nothing is known yet, the first run speaks for itself.
    """
    if previous_s is None:
        return duration_s
    return previous_s + WEIGHT * (duration_s - previous_s)


def expected_peak(previous_bytes: int | None, peak_bytes: int) -> int:
    """Return what the next run may well take, in bytes, once one took ``peak_bytes``.

    ``previous_bytes``: what was expected before it; None: nothing. It rises at once to what
    was seen, and falls slowly: a job that needs much once a week is not forgotten meanwhile.
    """
    if previous_bytes is None or peak_bytes >= previous_bytes:
        return peak_bytes
    return previous_bytes - round(FALL * (previous_bytes - peak_bytes))


def utilization(smoothed_s: float, interval: timedelta) -> float:
    """Return the share of the interval that a run takes; above 1 its ticks are skipped."""
    assert interval > timedelta(0), f"a schedule repeats after {interval}"
    return smoothed_s / interval.total_seconds()


def forecast(measured: Measured | None, limit: float, now: datetime) -> Forecast:
    """Return whether and when what is measured will be as much as ``limit``."""
    if measured is None or measured.runs < FEWEST_LATELY:
        return UNKNOWN
    if measured.lately >= limit:
        return Forecast(Prospect.OVER)
    course = course_of(measured)
    if course is not Prospect.GROWS:
        return UNKNOWN if course is Prospect.UNKNOWN else Forecast(course, _by_span(measured))
    assert measured.trend is not None, "nothing grows without a trend"
    return _growing(measured, measured.trend, limit, now)


def course_of(measured: Measured) -> Prospect:
    """Return whether it grows, shrinks or is steady, whatever the limit."""
    trend = measured.trend
    if trend is None:
        return Prospect.UNKNOWN
    change = trend.slope * measured.span.total_seconds()
    is_notable = abs(change) >= NOTABLE * abs(measured.lately)
    if trend.is_rising and is_notable:
        return Prospect.GROWS
    return Prospect.SHRINKS if trend.is_falling and is_notable else Prospect.STEADY


def _growing(measured: Measured, trend: Trend, limit: float, now: datetime) -> Forecast:
    at = _crossing(trend, (trend.level, trend.slope), limit, now)
    if at is None or at > now + HORIZON * measured.span:
        return Forecast(Prospect.GROWS, _by_span(measured))
    earliest = _crossing(trend, (trend.level_high, trend.slope_high), limit, now)
    latest = _crossing(trend, (trend.level_low, trend.slope_low), limit, now)
    confidence = _by_span(measured)
    if confidence is Confidence.FAIRLY_SURE and not _is_narrow(earliest, latest, now):
        confidence = Confidence.LIKELY
    return Forecast(Prospect.REACHES, confidence, at, earliest, latest)


def _crossing(
    trend: Trend, line: tuple[float, float], limit: float, now: datetime
) -> datetime | None:
    """Return when a line of that level and slope is at the limit, now at the soonest; None: not
    in years."""
    level, slope = line
    distance = max(limit - level, 0.0)
    ahead_s = 0.0 if slope == inf else distance / slope
    left_s = trend.at_s + ahead_s - now.timestamp()
    if left_s > _FARTHEST.total_seconds():
        return None
    return now + timedelta(seconds=max(left_s, 0.0))


def _by_span(measured: Measured) -> Confidence:
    """Return what so many runs over such a time are good for."""
    if measured.span >= _FAIRLY_SURE_SPAN and measured.runs >= _FAIRLY_SURE_RUNS:
        return Confidence.FAIRLY_SURE
    return Confidence.LIKELY if measured.span >= _LIKELY_SPAN else Confidence.GUESS


def _is_narrow(earliest: datetime | None, latest: datetime | None, now: datetime) -> bool:
    if earliest is None or latest is None:
        return False
    return latest - now <= _FAIRLY_SURE_RANGE * max(earliest - now, timedelta(days=1))
