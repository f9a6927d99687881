"""Figures: what a simulation has to tell, computed once for the table, the JSON and the plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from statistics import fmean
from zoneinfo import ZoneInfo

from jobd.core.forecast import utilization
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.core.schedule import AfterSchedule
from jobd.simulate.curve import Load
from jobd.simulate.expectation import Source
from jobd.simulate.simulation import Replay, Simulation
from jobd.simulate.tally import Crowd, JobTally

BUSIEST = 5


@dataclass(frozen=True, slots=True)
class Lateness:
    """How long after their due time runs started, in seconds; None: none started."""

    p50_s: float | None = None
    p99_s: float | None = None
    max_s: float | None = None


@dataclass(frozen=True, slots=True)
class JobFigures:
    """One job in one replay."""

    job: str
    starts: int
    skips: Mapping[SkipReason, int]
    waiting_at_end: int
    timeouts: int
    lateness: Lateness
    duration_s: float | None  # of a run, in the mean
    utilization: float | None  # None: nothing runs, or it is a guess, or there is no interval

    @property
    def skipped(self) -> int:
        """How many ticks were skipped."""
        return sum(self.skips.values())


@dataclass(frozen=True, slots=True)
class Busy:
    """A busy instant, and on how many days there was as much, or half of it, in that hour."""

    crowd: Crowd
    days: int


def job_figures(simulation: Simulation, replay: Replay) -> list[JobFigures]:
    """Return the figures of every job, in the order of the configuration."""
    return [_figures(simulation, replay, name) for name in simulation.jobs]


def by_trouble(figures: Sequence[JobFigures]) -> list[JobFigures]:
    """Return those first that somebody should look at: skips, lateness, use of the interval."""
    return sorted(
        figures,
        key=lambda each: (-each.skipped, -(each.lateness.max_s or 0.0), -(each.utilization or 0.0)),
    )


def skips_by_reason(replay: Replay) -> Mapping[SkipReason, int]:
    """Return how many ticks of all jobs were skipped, by reason, the most frequent first."""
    jobs = replay.tally.jobs.values()
    counts = {reason: sum(job.skips[reason] for job in jobs) for reason in SkipReason}
    most_first = sorted(counts.items(), key=lambda item: -item[1])
    return {reason: count for reason, count in most_first if count}


def busiest(replay: Replay, timezone: str) -> list[Busy]:
    """Return the busiest instants, the busiest first: of each hour of the day one, and of
    equal crowds one. Else what comes every night, or every hour, would fill the list."""
    zone = ZoneInfo(timezone)
    by_hour: dict[int, list[Crowd]] = {}
    for crowd in replay.tally.crowds():
        by_hour.setdefault(crowd.at.astimezone(zone).hour, []).append(crowd)
    found: dict[tuple[Load, frozenset[str]], Busy] = {}
    for crowds in by_hour.values():
        alike = (crowds[0].load, frozenset(crowds[0].jobs))
        found.setdefault(alike, _busy(crowds, zone))
    return list(found.values())[:BUSIEST]


def sourced(simulation: Simulation, kind: str) -> Mapping[Source, Sequence[str]]:
    """Return the jobs by who says what they take; ``kind`` is "duration" or "memory"."""
    found: dict[Source, list[str]] = {}
    for name, expected in simulation.expectations.items():
        is_duration = kind == "duration"
        source = expected.duration_source if is_duration else expected.memory_source
        found.setdefault(source, []).append(name)
    return found


def _busy(crowds: Sequence[Crowd], zone: ZoneInfo) -> Busy:
    """Return what to say of one hour of the day, its crowds given from the largest on."""
    first = crowds[0]
    large = (crowd for crowd in crowds if 2 * crowd.load.wanted >= first.load.wanted)
    return Busy(first, len({crowd.at.astimezone(zone).date() for crowd in large}))


def _figures(simulation: Simulation, replay: Replay, name: str) -> JobFigures:
    counts = replay.tally.jobs[name]
    mean_s = _mean_s(simulation, counts, name)
    return JobFigures(
        name,
        counts.starts,
        dict(counts.skips.most_common()),
        replay.open_ticks[name],
        counts.outcomes[Outcome.TIMEOUT],
        _lateness(sorted(counts.lateness_s)),
        mean_s,
        _utilization(simulation, name, mean_s),
    )


def _mean_s(simulation: Simulation, counts: JobTally, name: str) -> float | None:
    """Return what a run takes. Where none has ended within the replay it is what they will take:
    the longest ones are to be seen, too."""
    if runs := counts.outcomes.total():
        return counts.busy.total_seconds() / runs
    most = simulation.jobs[name].timeout or timedelta.max
    expected = [min(one.duration, most) for one in simulation.expectations[name].samples]
    return fmean(each.total_seconds() for each in expected) if counts.starts else None


def _utilization(simulation: Simulation, name: str, mean_s: float | None) -> float | None:
    schedule = simulation.jobs[name].schedule
    is_guess = simulation.expectations[name].duration_source is Source.ASSUMED
    if mean_s is None or is_guess or schedule is None or isinstance(schedule, AfterSchedule):
        return None
    return utilization(mean_s, schedule.interval(simulation.start))


def _lateness(in_order: Sequence[float]) -> Lateness:
    if not in_order:
        return Lateness()
    return Lateness(_quantile(in_order, 0.5), _quantile(in_order, 0.99), in_order[-1])


def _quantile(in_order: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share does not pass."""
    return in_order[ceil(share * len(in_order)) - 1]
