"""Usage: what the kept runs of a job took, in time and in memory.

Not every run says how much the work takes. A success does. One that its timeout or its
memory ceiling ended took at least what was measured, and to leave it out would make a job
look well when it is at its worst. A failure may have come at once or late, and a run that
was canceled or lost was cut short for reasons of its own: they say nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from math import ceil
from statistics import median

from jobd.core.frequent import frequent
from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.core.trend import FEWEST, Trend, trend_of

TELLING = (Outcome.SUCCESS, Outcome.TIMEOUT, Outcome.OOM)

LATELY = 20  # runs whose median is what is usual now
FEWEST_LATELY = 3  # of fewer, two slow ones would be the usual
RECENT = 1 / 3  # of the kept runs, LATELY at least, tell how high it goes: the oldest may be past
# Of a run's steps, of which there may be fifty: a trend takes milliseconds, and while a job's are
# told the daemon does nothing else.
_LIKELY_STEPS = 3
HIGH = 0.95  # the share of the recent runs that stay at or below the high value


@frequent
@dataclass(frozen=True, slots=True)
class RunUse:
    """What one run took; ``outcome`` is one of ``TELLING``."""

    ended_at: datetime
    outcome: Outcome
    duration_s: float  # of the last attempt
    memory_peak_bytes: int | None
    steps: tuple[StepTime, ...] = ()  # of the last attempt, where they are known
    earlier_s: float = 0.0  # of the attempts before it, with the pauses after them
    retried: tuple[Outcome, ...] = ()  # how those ended

    @property
    def lasted_s(self) -> float:
        """How long all of the run took: for so long it was in the way of ticks."""
        return self.earlier_s + self.duration_s

    def met(self, outcome: Outcome) -> bool:
        """Whether the run ended like this, or one of its attempts did."""
        return self.outcome is outcome or outcome in self.retried


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of a job, in seconds or bytes, over its kept runs."""

    runs: int
    first: datetime  # the ends of the oldest and the newest run
    last: datetime
    lately: float
    high: float
    trend: Trend | None  # None: too few runs to say

    @property
    def span(self) -> timedelta:
        """How far back it can be seen."""
        return self.last - self.first


def durations(uses: Sequence[RunUse]) -> Measured | None:
    """Return how long the runs took, with all their attempts; None when there are none."""
    return _measured([(use.ended_at, use.lasted_s) for use in uses if _is_whole(use)])


def attempt_durations(uses: Sequence[RunUse]) -> Measured | None:
    """Return how long their last attempts took; None when there are none."""
    return _measured([(use.ended_at, use.duration_s) for use in uses if _is_whole(use)])


def _is_whole(use: RunUse) -> bool:
    """Whether it took as long as the work does, or longer than it may."""
    return use.outcome is not Outcome.OOM


def memory_peaks(uses: Sequence[RunUse]) -> Measured | None:
    """Return how much memory the runs took at most; None when nothing measured it."""
    peaks = [(use.ended_at, use.memory_peak_bytes) for use in uses]
    return _measured([(at, float(peak)) for at, peak in peaks if peak is not None])


def step_durations(uses: Sequence[RunUse]) -> Mapping[str, Measured]:
    """Return how long the runs were in those few of their steps that seem to have grown most, of
    steps that were seen often enough; a run that was ended in a step says less of it than the
    others."""
    seen: dict[str, list[tuple[datetime, float]]] = {}
    for use in sorted(uses, key=lambda use: use.ended_at):
        for time in use.steps if use.outcome is Outcome.SUCCESS else ():
            seen.setdefault(time.step, []).append((use.ended_at, time.duration_s))
    often = [step for step, values in seen.items() if len(values) >= FEWEST]
    likely = nlargest(_LIKELY_STEPS, often, key=lambda step: _rough_growth_s(seen[step]))
    found = {step: _measured(seen[step]) for step in likely}
    return {s: m for s, m in found.items() if m is not None and m.trend is not None}


def _rough_growth_s(values: Sequence[tuple[datetime, float]]) -> float:
    """Return how much more the newest third are than the oldest: enough to choose by."""
    third = len(values) // 3
    oldest, newest = values[:third], values[-third:]
    return median(value for _, value in newest) - median(value for _, value in oldest)


def recent(uses: Sequence[RunUse]) -> Sequence[RunUse]:
    """Return the runs that say how it is now, the last of them last."""
    return sorted(uses, key=lambda use: use.ended_at)[-_recent(len(uses)) :]


def _recent(runs: int) -> int:
    return max(LATELY, round(runs * RECENT))


def _measured(values: list[tuple[datetime, float]]) -> Measured | None:
    if not values:
        return None
    values.sort()
    ascending = sorted(value for _, value in values[-_recent(len(values)) :])
    return Measured(
        runs=len(values),
        first=values[0][0],
        last=values[-1][0],
        lately=median(value for _, value in values[-LATELY:]),
        high=ascending[ceil(HIGH * len(ascending)) - 1],
        trend=trend_of([(at.timestamp(), value) for at, value in values]),
    )
