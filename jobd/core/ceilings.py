"""Ceilings: how near a job's runs come to what they may take, and which job to look at first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf

from jobd.core.forecast import Confidence, Forecast, Prospect, course_of, forecast
from jobd.core.job import Job, Overlap
from jobd.core.outcome import Outcome
from jobd.core.schedule import AfterSchedule
from jobd.core.usage import (
    FEWEST_LATELY,
    HIGH,
    LATELY,
    Measured,
    RunUse,
    attempt_durations,
    durations,
    memory_peaks,
    recent,
    step_durations,
)

SOON = timedelta(days=7)
MUCH = 0.8  # of a limit: the alert on utilization begins there too

_OVER, _SOON, _NEAR, _GROWING, _REST, _UNLIMITED, _UNKNOWN = range(7)  # the most urgent first


class CeilingKind(StrEnum):
    """What can be too little for a job."""

    INTERVAL = "interval"  # at which its next tick is skipped
    TIMEOUT = "timeout"
    MEMORY = "memory_max"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A limit of a job, in seconds or bytes, and how its runs are beside it."""

    kind: CeilingKind
    limit: float
    measured: Measured | None
    recent: int  # runs, however they ended
    hits: int  # of these: it ended them or an attempt of them; or took longer than the interval
    forecast: Forecast

    @property
    def lately(self) -> float | None:
        """The share of the limit that is usual now."""
        return None if self.measured is None else self.measured.lately / self.limit

    @property
    def needs_a_look(self) -> bool:
        """Whether somebody should be told of it in a sentence."""
        is_hit = self.hits > (1 - HIGH) * self.recent
        return is_hit or self.forecast.prospect in (Prospect.OVER, Prospect.REACHES)

    @property
    def high(self) -> float | None:
        """The share of the limit that nineteen of twenty recent runs stay within."""
        return None if self.measured is None else self.measured.high / self.limit


@dataclass(frozen=True, slots=True)
class GrownStep:
    """The step that has most to do with a job's growth."""

    step: str
    by_s: float  # how much longer it takes than at the beginning of the history
    share: float  # of the growth of the whole run, 0 to 1


@dataclass(frozen=True, slots=True)
class JobUsage:
    """What a job's runs took, and what they may take."""

    job: str
    runs: int
    duration: Measured | None
    memory: Measured | None
    ceilings: tuple[Ceiling, ...]
    grown: GrownStep | None = None  # of a job that takes longer and longer


def is_free_of_interval(job: Job) -> bool:
    """Whether a run may well take longer than the interval: it is counted from the run's end, or
    runs are meant to be beside one another."""
    return isinstance(job.schedule, AfterSchedule) or job.overlap is Overlap.ALLOW


def usage_of(
    job: Job, interval: timedelta | None, uses: Sequence[RunUse], now: datetime
) -> JobUsage:
    """Return how near a job's runs come to its interval, its timeout and its memory ceiling.

    A job that counts from the end of its last run cannot outgrow its interval, and one whose
    runs may overlap is meant to.
    """
    duration, memory = durations(uses), memory_peaks(uses)
    if is_free_of_interval(job):
        interval = None
    lately, ceilings = recent(uses), list[Ceiling]()
    if interval:
        limit_s = interval.total_seconds()
        longer = [use.lasted_s > limit_s for use in lately]
        ceilings.append(_of_time(CeilingKind.INTERVAL, limit_s, duration, longer, now))
    if job.timeout:
        ended = [use.met(Outcome.TIMEOUT) for use in lately]
        limit_s = job.timeout.total_seconds()
        attempts = _of_attempts(uses, duration)
        ceilings.append(_of_time(CeilingKind.TIMEOUT, limit_s, attempts, ended, now))
    if job.limits.memory_max_bytes:
        ceilings.append(_of_memory(job.limits.memory_max_bytes, memory, lately, now))
    grown = grown_step(uses, duration)
    return JobUsage(job.name, len(uses), duration, memory, tuple(ceilings), grown)


def _of_attempts(uses: Sequence[RunUse], duration: Measured | None) -> Measured | None:
    """A timeout is for each attempt. Where nothing was retried both are the same, and a trend
    takes milliseconds."""
    return attempt_durations(uses) if any(use.earlier_s for use in uses) else duration


def grown_step(uses: Sequence[RunUse], duration: Measured | None) -> GrownStep | None:
    """Return which step of a job's runs has grown most, if the whole run grows and its steps are
    known. A step that does not grow beyond doubt has no part in it."""
    if duration is None or course_of(duration) is not Prospect.GROWS:
        return None
    steps = step_durations(uses).items()
    grown = [(_growth_s(measured), step) for step, measured in steps]
    by_s, step = max(grown, default=(0.0, ""))
    whole_s = _growth_s(duration)
    return GrownStep(step, by_s, min(by_s / whole_s, 1.0)) if by_s > 0 and whole_s > 0 else None


def _growth_s(measured: Measured) -> float:
    trend = measured.trend
    if trend is None or not trend.is_rising:
        return 0.0
    return trend.slope * measured.span.total_seconds()


def urgency(usage: JobUsage, now: datetime) -> tuple[float | str, ...]:
    """Return what sorts jobs in the order in which somebody should look at them.

    First what is too much already, then what will be soon, then what is near its limit,
    then what grows, then the rest by use, and last what has not run; equals by name.
    """
    ranks = [(*_rank(ceiling, now), -(ceiling.high or 0.0)) for ceiling in usage.ceilings]
    rank = min(ranks, default=(_UNLIMITED if usage.runs else _UNKNOWN, 0.0, 0.0))
    return (*rank, usage.job)


def _of_time(
    kind: CeilingKind,
    limit_s: float,
    measured: Measured | None,
    hits: Sequence[bool],
    now: datetime,
) -> Ceiling:
    ahead = forecast(measured, limit_s, now)
    return Ceiling(kind, limit_s, measured, len(hits), sum(hits), ahead)


def _of_memory(
    limit: float, measured: Measured | None, lately: Sequence[RunUse], now: datetime
) -> Ceiling:
    killed = sum(use.met(Outcome.OOM) for use in lately)
    ahead = forecast(measured, limit, now)
    if _are_mostly_killed(lately[-LATELY:]):
        ahead = Forecast(Prospect.OVER)
    elif ahead.prospect is Prospect.OVER:
        # At the ceiling is no proof: a kernel lets files that were read fill what is free
        # below it, and takes that back. That runs are killed there is one.
        ahead = Forecast(Prospect.STEADY)
    return Ceiling(CeilingKind.MEMORY, limit, measured, len(lately), killed, ahead)


def _are_mostly_killed(lately: Sequence[RunUse]) -> bool:
    killed = sum(use.met(Outcome.OOM) for use in lately)
    return len(lately) >= FEWEST_LATELY and 2 * killed >= len(lately)


def _rank(ceiling: Ceiling, now: datetime) -> tuple[float, float]:
    """Return how urgent it is, and among equals the time that is left."""
    ahead, high = ceiling.forecast, ceiling.high
    if ahead.prospect is Prospect.OVER:
        return _OVER, 0.0
    if high is None:
        return _UNKNOWN, 0.0
    left = inf if ahead.at is None else (ahead.at - now) / SOON
    if left <= 1 and ahead.confidence is not Confidence.GUESS:
        return _SOON, left
    if high >= MUCH:
        return _NEAR, 0.0
    return (_REST, 0.0) if left == inf else (_GROWING, left)
