"""Foresight: what ``jobd check`` warns of, from a day that it simulates where that is cheap.

Only what the configuration itself says counts: a duration that was guessed at makes nobody
warn of an overlap. In a cluster, how much room there is depends on who is up, so only
what a job does to itself is told.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from jobd.config.model import Config
from jobd.config.problem import Problem
from jobd.config.units import format_duration, format_size
from jobd.config.warn import FEW, Flaw, named, warn_of, warn_one
from jobd.core.amounts import counted
from jobd.core.job import Job, Overlap
from jobd.core.ledger import SkipReason
from jobd.core.schedule import AfterSchedule
from jobd.simulate.expectation import Source
from jobd.simulate.simulation import Simulation, simulate
from jobd.simulate.tally import Crowd

HORIZON = timedelta(days=1)
SHORTEST = timedelta(hours=1)  # less would say little
MOST_ATTEMPTS = 3000  # half a second's worth
_WORTH_TELLING = 0.01  # of a job's ticks: fewer skips are what admission is for

# Which key to look at, and what to write instead.
_MENDS = {
    SkipReason.OVERLAP: (
        "expected_duration",
        'write a longer interval, or overlap = "queue" if the last tick must not be missed',
    ),
    SkipReason.POOL: ("pool", "write another hour or a jitter, or make the pool larger"),
    SkipReason.MAX_RUNNING: ("schedule", "write another hour or a jitter, or a larger max_running"),
    SkipReason.MEMORY_BUDGET: (
        "schedule",
        "write another hour or a jitter, or a larger memory_budget",
    ),
    SkipReason.BACKLOG: ("schedule", "write another hour or a jitter, or a larger max_waiting"),
}


_OUTLASTS = Flaw(
    "expected_duration",
    "is longer than the interval: each run makes the next tick an overlap",
    _MENDS[SkipReason.OVERLAP][1],
)


def foresight(config: Config, now: datetime) -> tuple[Problem, ...]:
    """Return warnings of the ticks that would be skipped in the coming day, and of the instant
    at which most runs find no room. Nothing where a day would take long to simulate."""
    start = now.replace(microsecond=0)
    simulation = simulate(config, {}, start, HORIZON, MOST_ATTEMPTS, has_still=False)
    if simulation.until - simulation.start < SHORTEST:
        return ()
    reasons = [SkipReason.OVERLAP] if config.store.is_shared else _MENDS
    skips = (each for reason in reasons for each in _skips(simulation, reason))
    shortage = [] if config.store.is_shared else _shortage(simulation)
    return (*skips, *warn_of(_OUTLASTS, _unseen(simulation)), *shortage)


def _skips(simulation: Simulation, reason: SkipReason) -> Iterator[Problem]:
    """Yield a warning for each of a few jobs, or one for many."""
    having = [
        (job, count, due)
        for name, job in simulation.jobs.items()
        if (count := simulation.configured.tally.jobs[name].skips[reason])
        and count >= _WORTH_TELLING * (due := _due(simulation, name))
        and _is_told(simulation, name, reason)
    ]
    span = format_duration(simulation.until - simulation.start)
    key, mend = _MENDS[reason]
    if len(having) <= FEW:
        for job, count, due in having:
            message = f"{count:,} of {due:,} ticks in the coming {span} would be skipped ({reason})"
            yield warn_one(job, key, message, f"{mend}; jobd simulate shows more")
        return
    jobs = [job for job, _, _ in having]
    message = (
        f"ticks of {len(jobs):,} jobs in the coming {span} would be skipped ({reason}): "
        f"{named(jobs)}"
    )
    yield Problem(jobs[0].provenance.file, None, "jobs", "", message, f"{mend}; see jobd simulate")


def _unseen(simulation: Simulation) -> list[Job]:
    """Return the jobs whose runs outlast the interval, where no tick of the simulated day shows
    it: such as those that are due once a day."""
    return [
        job
        for name, job in simulation.jobs.items()
        if _outlasts(job, simulation.start)
        and not simulation.configured.tally.jobs[name].skips[SkipReason.OVERLAP]
    ]


def _outlasts(job: Job, now: datetime) -> bool:
    if job.expected_duration is None or job.schedule is None or job.overlap is not Overlap.SKIP:
        return False
    takes = min(job.expected_duration, job.timeout or job.expected_duration)
    return not isinstance(job.schedule, AfterSchedule) and takes > job.schedule.interval(now)


def _due(simulation: Simulation, name: str) -> int:
    counts = simulation.configured.tally.jobs[name]
    return counts.starts + counts.skipped


def _is_told(simulation: Simulation, name: str, reason: SkipReason) -> bool:
    is_guess = simulation.expectations[name].duration_source is Source.ASSUMED
    return not (is_guess and reason is SkipReason.OVERLAP)


def _shortage(simulation: Simulation) -> Iterator[Problem]:
    """Yield the instant at which most runs have to wait for memory. Places that run out are
    told of as a herd."""
    crowd, limits = simulation.configured.tally.most_short, simulation.config.limits
    if crowd is None or crowd.load.running >= limits.max_running:
        return
    running, waiting = crowd.load.running, crowd.load.short
    message = (
        f"{counted(waiting, 'run has', 'runs have')} to wait for memory on "
        f"{crowd.at:%Y-%m-%d at %H:%M:%S} UTC: {counted(running, 'has', 'have')} reserved "
        f"{format_size(crowd.load.reserved_bytes)} of {format_size(limits.memory_budget_bytes)}: "
        f"{_names(crowd, simulation)}"
    )
    mend = "write another hour or a jitter, less memory_max, or a larger memory_budget"
    yield Problem(str(simulation.config.path), None, "limits.memory_budget", "", message, mend)


def _names(crowd: Crowd, simulation: Simulation) -> str:
    running: Sequence[Job] = [simulation.jobs[name] for name in crowd.jobs]
    return named(running)
