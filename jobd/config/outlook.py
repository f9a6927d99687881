"""Outlook: what the coming days bring with a configuration: herds, overlaps, clock changes.

Unlike :mod:`jobd.config.warn` it needs to know what time it is, and takes a moment.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile

from jobd.config.model import Config
from jobd.config.problem import Problem
from jobd.config.warn import FEW, Flaw, named, warn_of, warn_one
from jobd.core.cron_fields import read, words_of
from jobd.core.job import Job, Overlap
from jobd.core.schedule import AfterSchedule, CronSchedule, Schedule, upcoming
from jobd.core.zone import EPOCH, Zone

HORIZON = timedelta(days=2)  # for herds: every daily job, and the day after
_INSTANTS = 20_000  # fire times that are looked at, over all schedules
_CANDIDATES = 20  # crowded instants that are counted exactly
_YEAR = timedelta(days=366)
_SECOND = timedelta(seconds=1)

Groups = Mapping[Schedule, Sequence[Job]]

_OUTLASTS = Flaw(
    "timeout",
    "is longer than the interval: a run that uses it makes the next tick an overlap",
    "write a shorter timeout, or a longer interval",
)


def outlook(config: Config, now: datetime) -> tuple[Problem, ...]:
    """Return warnings about what will happen if these jobs run from ``now`` on."""
    jobs = [job for job in config.jobs.values() if job.enabled and job.schedule is not None]
    return (
        *_outlasting(jobs, now),
        *_herds(jobs, config, now),
        *_clock_changes(jobs, now),
    )


def _outlasting(jobs: Sequence[Job], now: datetime) -> Iterator[Problem]:
    """A run may still be active at the next tick, which is then skipped."""
    having = [job for job in jobs if job.overlap is Overlap.SKIP and _outlasts(job, now)]
    yield from warn_of(_OUTLASTS, having)


def _outlasts(job: Job, now: datetime) -> bool:
    if job.timeout is None or job.schedule is None or isinstance(job.schedule, AfterSchedule):
        return False
    return job.timeout > job.schedule.interval(now)


def _herds(jobs: Sequence[Job], config: Config, now: datetime) -> Iterator[Problem]:
    """More jobs on one instant than may run at once."""
    groups = _by_schedule(job for job in jobs if not job.jitter)
    limit = config.limits.max_running
    if sum(len(group) for group in groups.values()) <= limit:
        return
    crowd = _most_crowded(groups, now)
    if crowd is None or len(crowd[1]) <= limit:
        return
    instant, herd = crowd
    message = (
        f"{len(herd):,} jobs are due at one instant, first on {instant:%Y-%m-%d at %H:%M:%S} UTC,"
        f" and max_running is {limit}: {named(herd)}"
    )
    mend = 'write H in place of a minute in their schedules, or jitter = "5m"'
    yield Problem(str(config.path), None, "limits.max_running", "", message, mend)


def _by_schedule(jobs: Iterator[Job]) -> Groups:
    """Return the jobs of each schedule; most of many jobs share one of a few."""
    first: dict[str, Schedule] = {}
    groups: dict[Schedule, list[Job]] = {}
    for job in jobs:
        if job.schedule is not None and not isinstance(job.schedule, AfterSchedule):
            schedule = first.setdefault(job.schedule.identity, job.schedule)
            groups.setdefault(schedule, []).append(job)
    return groups


def _most_crowded(groups: Groups, now: datetime) -> tuple[datetime, Sequence[Job]] | None:
    """Return the coming instant at which most jobs are due, and these jobs.

    Frequent schedules are looked at for their first fire times only; the few instants
    that seem most crowded are then asked of every schedule. Bounded, whatever the number.
    """
    at_most = max(2, _INSTANTS // max(1, len(groups)))
    due: Counter[datetime] = Counter()
    for schedule, jobs in groups.items():
        coming = takewhile(lambda instant: instant <= now + HORIZON, upcoming(schedule, now))
        for instant in islice(coming, at_most):
            due[instant] += len(jobs)
    crowds = [
        (instant, [job for s, jobs in groups.items() if _fires_at(s, instant) for job in jobs])
        for instant, _ in due.most_common(_CANDIDATES)
    ]
    return max(crowds, key=lambda crowd: (len(crowd[1]), -crowd[0].timestamp()), default=None)


def _fires_at(schedule: Schedule, instant: datetime) -> bool:
    return schedule.count(instant - _SECOND, instant) > 0


def _clock_changes(jobs: Sequence[Job], now: datetime) -> Iterator[Problem]:
    """A fixed hour that one day is missing, or comes twice, within a year."""
    undecided = [job for job in jobs if not _has_decided(job)]
    odd = [(job, note) for job in undecided if (note := _first_note(job, now))]
    mend = 'write another hour, or dst = { gap = "shift", fold = "first" } if that is meant'
    if len(odd) <= FEW:
        for job, note in odd:
            yield warn_one(job, "schedule", f"meets a change of the clock: {note}", mend)
        return
    first = odd[0][0]
    message = (
        f"{len(odd):,} jobs run in an hour that is missing or comes twice: "
        f"{named([job for job, _ in odd])}; {first.name}: {odd[0][1]}"
    )
    yield Problem(first.provenance.file, None, "jobs", "", message, mend)


def _has_decided(job: Job) -> bool:
    return "dst" in job.provenance.own or "dst" in job.provenance.inherited


def _first_note(job: Job, now: datetime) -> str:
    """Return what the first change of the clock within a year does to a job, or ""."""
    schedule = job.schedule
    if not isinstance(schedule, CronSchedule) or not _has_fixed_hour(schedule.text, job.name):
        return ""
    for start, end in _odd_spans(job.timezone, now):
        fire_time = schedule.next_after(start)
        if fire_time is not None and fire_time <= end and (note := schedule.note(fire_time)):
            return note
    return ""


def _has_fixed_hour(expression: str, job: str) -> bool:
    return read(words_of(expression, job)).is_fixed


def _odd_spans(timezone: str, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the instants (after, until] around each coming change of a zone's clock.

    After a gap it is the change itself; before a fold it is what will be shown again.
    """
    second = (now - EPOCH) // _SECOND
    for stretch in Zone.of(timezone).stretches(second):
        if stretch.start > second + _YEAR // _SECOND:
            return
        shown_twice = stretch.seen - (stretch.start + stretch.offset)
        if stretch.start <= second or not shown_twice:
            continue
        change = EPOCH + timedelta(seconds=stretch.start)
        if shown_twice < 0:
            yield change - _SECOND, change
        else:
            yield change - timedelta(seconds=shown_twice + 1), change - _SECOND
