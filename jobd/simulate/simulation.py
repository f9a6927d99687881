"""Simulation: a configuration replayed over some days, with its jitter and without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobd.config.model import Config
from jobd.core.job import Job, Scope
from jobd.core.placement import may_run
from jobd.core.run import RunRecord
from jobd.core.schedule import AfterSchedule
from jobd.simulate.expectation import Expectation, expectation
from jobd.simulate.tally import Tally
from jobd.simulate.world import World

# About ten seconds each for the replay with jitter and for the one without.
MOST_ATTEMPTS = 60_000
NO_TIME = timedelta(0)
_UNITS = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))

Past = Mapping[str, Sequence[RunRecord]]  # kept runs by job, newest first


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of one replay."""

    tally: Tally
    events: int
    open_ticks: Mapping[str, int]  # at the end, by job: looked at, not decided

    @property
    def starts(self) -> int:
        """How many ticks became runs."""
        return sum(job.starts for job in self.tally.jobs.values())

    @property
    def skipped(self) -> int:
        """How many ticks were skipped."""
        return sum(job.skipped for job in self.tally.jobs.values())


@dataclass(frozen=True, slots=True)
class Simulation:
    """Both replays, and what they rest on."""

    config: Config
    jobs: Mapping[str, Job]  # those that have ticks here
    left_out: Mapping[str, str]  # the others, and why
    expectations: Mapping[str, Expectation]
    start: datetime
    until: datetime
    wanted_until: datetime  # later than ``until``: that would have been too much
    configured: Replay
    without_jitter: Replay | None  # None: no job has any

    @property
    def is_shortened(self) -> bool:
        """Whether less time was replayed than was asked for."""
        return self.until < self.wanted_until

    @property
    def replays(self) -> Sequence[Replay]:
        """The replays there are, the configured one first."""
        return (self.configured, *([self.without_jitter] if self.without_jitter else []))

    @property
    def events(self) -> int:
        """How many events the scheduler handled in all."""
        return sum(replay.events for replay in self.replays)


def simulate(
    config: Config,
    past: Past,
    start: datetime,
    span: timedelta,
    most_attempts: int,
    *,
    has_still: bool = True,
) -> Simulation:
    """Replay the time from ``start`` on; less of it, where it would take more attempts.

    ``has_still`` False: with the configured jitter only.
    """
    left_out = {job.name: why for job in config.jobs.values() if (why := _why_not(job, config))}
    jobs = {name: _here(job, config) for name, job in config.jobs.items() if name not in left_out}
    expected = {name: expectation(job, past.get(name, ()), start) for name, job in jobs.items()}
    until = start + bounded(jobs, expected, start, span, most_attempts)
    still = {name: replace(job, jitter=NO_TIME) for name, job in jobs.items()}
    has_jitter = has_still and any(job.jitter for job in jobs.values())
    return Simulation(
        config, jobs, left_out, expected, start, until, start + span,
        configured=_replay(config, jobs, expected, start, until),
        without_jitter=_replay(config, still, expected, start, until) if has_jitter else None,
    )  # fmt: skip


def bounded(
    jobs: Mapping[str, Job],
    expectations: Mapping[str, Expectation],
    start: datetime,
    span: timedelta,
    most_attempts: int,
) -> timedelta:
    """Return how much of the span to replay for no more than so many attempts, roughly,
    and in whole days, hours or minutes."""
    until = start + span
    attempts = sum(_attempts(job, expectations[job.name], start, until) for job in jobs.values())
    if attempts <= most_attempts:
        return span
    shorter = span * (most_attempts / attempts)
    unit = next((each for each in _UNITS if shorter >= 2 * each), _UNITS[-1])
    return max(shorter // unit * unit, unit)


def _attempts(job: Job, expected: Expectation, start: datetime, until: datetime) -> int:
    """Return how many attempts there may be of a job, at most."""
    if job.schedule is None:
        return 0
    if isinstance(job.schedule, AfterSchedule):
        shortest = min(one.duration for one in expected.samples)
        count = (until - start) // (job.schedule.delay + shortest)
    else:
        count = job.schedule.count(start, until)
    times_out = job.timeout is not None and any(
        one.duration > job.timeout for one in expected.samples
    )
    return count * (1 + job.retries.max if times_out else 1)


def _replay(
    config: Config,
    jobs: Mapping[str, Job],
    expectations: Mapping[str, Expectation],
    start: datetime,
    until: datetime,
) -> Replay:
    tally = Tally(jobs, start, until)
    world = World(config, jobs, expectations, tally, start)
    world.run(until)
    return Replay(tally, world.events, {name: world.open_ticks(name) for name in jobs})


def _why_not(job: Job, config: Config) -> str:
    """Return why a job has no ticks here, or ""."""
    if not job.enabled:
        return "disabled"
    if job.schedule is None:
        return "no schedule"
    is_shared = config.store.is_shared and job.scope is Scope.CLUSTER
    if not is_shared and not may_run(job.nodes, config.daemon.node, config.daemon.labels):
        return "not on this node"
    return ""


def _here(job: Job, config: Config) -> Job:
    """Return a job of the cluster as one that this node runs alone: it is the only one here."""
    if not config.store.is_shared or job.scope is not Scope.CLUSTER:
        return job
    return replace(job, scope=Scope.NODE, nodes=())
