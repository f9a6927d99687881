"""Nights of a cluster: a household of jobs of every kind, and how a seed becomes a night."""

import gc
import random
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from jobd.core.job import Catchup, Command, Job, Limits, Overlap, Pool, Retries, Scope
from jobd.core.lease import LeaseTerms
from jobd.core.schedule import AfterSchedule, CronSchedule, EverySchedule
from tests.sim.cluster import faults
from tests.sim.cluster.checkers import ALL
from tests.sim.cluster.world import Duration, World

QUIET_S = 3600.0  # at the end nothing goes wrong any more, so that everything can settle
SETTLE_S = 900.0  # the longest trouble is over by then
STEPS = ("store_clock",)
LEASES_S = (30, 60, 120, *(300,) * 8, *(600,) * 3)  # a short one is renewed at great cost
SIZES = (*(2,) * 8, *(3,) * 8, 4, 4, 5)  # of clusters; what a night costs grows with its square
MIB = 1 << 20
BUDGETS = (None, None, 400 * MIB)  # of nodes; what fits into it together is few runs
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Night:
    """What makes a night, beside the seed."""

    hours: float = 24.0
    kinds: tuple[str, ...] = faults.KINDS
    faults_an_hour: float = 3.0
    world: type[World] = World


def night(seed: int, plan: Night = Night()) -> World:
    """Return a world after a night of faults and a quiet hour, decided by the seed."""
    chance = random.Random(f"night {seed}")
    jobs, durations = household()
    names = tuple(f"n{number}" for number in range(1, chance.choice(SIZES) + 1))
    terms = LeaseTerms(chance.choice(LEASES_S) * SECOND)
    # What counts is how long runs take in terms of their leases: short ones are renewed often.
    pace = min(terms.ttl / (300 * SECOND), 1.0) ** 0.5
    durations = {name: _paced(duration, pace) for name, duration in durations.items()}
    kinds = plan.kinds
    if len(kinds) > 1 and chance.random() < 0.5:
        kinds = tuple(kind for kind in kinds if kind not in STEPS)
    room = {"max_running": chance.choice([3, 100, 100]), "memory_budget": chance.choice(BUDGETS)}
    world = plan.world(seed, jobs, durations, names, terms, **room)
    with _without_collections():
        _live(world, plan, kinds)
    return world


def _live(world: World, plan: Night, kinds: tuple[str, ...]) -> None:
    """Let trouble strike, but for the last hour and a quarter."""
    world.start()
    last_s = plan.hours * 3600 - SETTLE_S - QUIET_S
    faults.draw(world, last_s, int(plan.hours * plan.faults_an_hour), kinds)
    world.run_until(last_s)
    world.moments.clear()
    world.run_until(last_s + SETTLE_S)
    for node in world.nodes.values():
        if node.drain is not None:
            node.toggle_drain()
    world.calm_s = world.now_s
    world.run_until(world.now_s + QUIET_S)


@contextmanager
def _without_collections() -> Iterator[None]:
    """A night is some megabytes, and looking for garbage in it a fifth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def replay(seed: int, plan: Night = Night()) -> list[str]:
    """Return what broke in a night, be it a promise or the scheduler itself."""
    try:
        return verdict(night(seed, plan))
    except Exception:
        again = f"replay: python -m tests.sim cluster {seed}"
        return [*traceback.format_exc().splitlines()[-9:], again]


def verdict(world: World) -> list[str]:
    """Return what the checkers complain about, with the command that replays it."""
    complaints = [f"{check.__name__}: {c}" for check in ALL for c in check(world)]
    if complaints:
        complaints.append(f"replay: python -m tests.sim cluster {world.seed}")
    return complaints


def household() -> tuple[dict[str, Job], dict[str, Duration]]:
    """Return jobs of every kind, and how long each takes."""
    jobs, durations = {}, {}
    for job, duration in _members():
        jobs[job.name], durations[job.name] = job, duration
    return jobs, durations


def _members() -> Iterator[tuple[Job, Duration]]:
    """Yield jobs that start a run every five minutes or so, together.

    Most runs are short, some take longer than their job's interval or than any lease, and
    there is nearly always one of these somewhere: that is what faults strike. Half of the
    jobs come at the full hour, as people have them: then one claim decides several.
    """
    retries = Retries(max=2, delay=20 * SECOND, max_delay=3 * MINUTE)
    pool, hourly = Pool("disk", 1), "0 * * * *"
    yield _job("brief", _every(20, "brief"), retries=retries), _takes(1, 5)
    yield _job("hourly", _cron(hourly, "hourly")), _takes(1, 20)
    yield _job("zoned", _cron("30 1,2,3 * * *", "zoned", "Europe/Berlin")), _takes(1, 20)
    yield _job("slow", _every(60, "slow"), retries=retries, limits=_ceiling(300)), _takes(100, 3000)
    yield _job("patient", _every(60, "patient"), overlap=Overlap.QUEUE), _varies(600, 5000)
    yield (
        _job(
            "impatient", _cron(hourly, "impatient"), overlap=Overlap.REPLACE, kill_after=5 * SECOND
        ),
        _varies(3000, 6000),
    )
    yield (
        _job("sociable", _every(60, "sociable"), overlap=Overlap.ALLOW, max_instances=3),
        _varies(600, 9000),
    )
    yield _job("spread", _cron("10 * * * *", "spread"), jitter=20 * MINUTE), _takes(5, 50)
    yield (
        _job(
            "thorough",
            _cron(hourly, "thorough"),
            catchup=Catchup.ALL,
            retries=retries,
            limits=_ceiling(400),
        ),
        _takes(5, 300),
    )
    yield _job("lazy", _cron(hourly, "lazy"), max_duty=0.3, limits=_ceiling(200)), _takes(30, 1800)
    yield _job("next", AfterSchedule.of(60 * MINUTE), retries=retries), _takes(5, 600)
    yield (
        _job("flaky", _cron(hourly, "flaky"), retries=retries, timeout=2 * MINUTE),
        lambda chance: (chance.uniform(1, 300), chance.choice([0, 1])),
    )
    yield _job("left", _cron(hourly, "left"), pool=pool), _takes(10, 300)
    yield _job("right", _cron(hourly, "right"), pool=pool), _takes(10, 300)
    yield _job("picky", _every(60, "picky"), nodes=("n1",)), _takes(5, 50)
    yield _job("own", _every(120, "own"), scope=Scope.NODE), _takes(5, 50)


def _job(name: str, schedule: object, scope: Scope = Scope.CLUSTER, **settings: object) -> Job:
    return Job(name, Command(("true",)), schedule=schedule, scope=scope, **settings)


def _ceiling(mebibytes: int) -> Limits:
    return Limits(memory_max_bytes=mebibytes * MIB)


def _cron(text: str, name: str, zone: str = "UTC") -> CronSchedule:
    return CronSchedule.parse(text, job=name, timezone=zone)


def _every(minutes: float, name: str) -> EverySchedule:
    return EverySchedule.of(timedelta(minutes=minutes), job=name)


def _takes(least_s: float, most_s: float) -> Duration:
    return lambda chance: (chance.uniform(least_s, most_s), 0)


def _varies(mostly_s: float, at_most_s: float) -> Duration:
    """Half of its runs are short, the others long."""
    return lambda chance: (
        chance.choice([chance.uniform(10, mostly_s), chance.uniform(mostly_s, at_most_s)]),
        0,
    )


def _paced(duration: Duration, pace: float) -> Duration:
    """Make runs of more than a minute shorter."""

    def paced(chance: random.Random) -> tuple[float, int]:
        takes_s, exit_code = duration(chance)
        return min(takes_s, max(60.0, takes_s * pace)), exit_code

    return paced
