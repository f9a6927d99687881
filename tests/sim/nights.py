"""Nights: a household of jobs of every kind, and how one seed becomes a night of trouble."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from jobd.core.job import Catchup, Command, Job, Overlap, Retries
from jobd.core.schedule import AfterSchedule, CronSchedule, EverySchedule
from tests.sim.checkers import ALL
from tests.sim.world import World, faults

QUIET_S = 2 * 3600  # at the end nothing goes wrong any more, so that everything can settle
KINDS = ("daemon", "supervisor", "machine", "jump", "astray", "store")
JUMPS = ("jump", "astray")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
Duration = Callable[[random.Random], tuple[float, int]]


def household() -> tuple[dict[str, Job], dict[str, Duration]]:
    """Return jobs of every kind, and how long each takes."""
    jobs, durations = {}, {}
    for job, duration in _members():
        jobs[job.name], durations[job.name] = job, duration
    return jobs, durations


def night(
    seed: int, hours: float = 24, kinds: tuple[str, ...] = KINDS, world: type[World] = World
) -> World:
    """Return a world after a night of faults and two quiet hours, decided by the seed."""
    jobs, durations = household()
    chance = random.Random(seed)
    max_running = chance.choice([2, 4, 8, 100])
    if chance.random() < 0.5:
        kinds = tuple(kind for kind in kinds if kind not in JUMPS)
    after = world(seed, jobs, durations, max_running, max_waiting=chance.choice([1, 3, 20]))
    after.start_daemon()
    for fault in faults(chance, hours, kinds) if kinds else ():
        after.at(fault.at_s, lambda fault=fault: after.strike(fault))
    after.run_until(hours * 3600)
    after.run_until(hours * 3600 + 5000)
    after.start_daemon()
    after.run_until(hours * 3600 + 5000 + QUIET_S)
    return after


def verdict(world: World) -> list[str]:
    """Return what the checkers complain about, with the command that replays it."""
    complaints = [f"{check.__name__}: {c}" for check in ALL for c in check(world)]
    if complaints:
        complaints.append(f"replay: python -m tests.sim {world.seed}")
    return complaints


def _members() -> list[tuple[Job, Duration]]:
    command = Command(("true",))

    def job(name: str, **settings: object) -> Job:
        return Job(name, command, **settings)

    def cron(text: str, name: str, zone: str = "UTC") -> CronSchedule:
        return CronSchedule.parse(text, job=name, timezone=zone)

    def every(minutes: float, name: str) -> EverySchedule:
        return EverySchedule.of(timedelta(minutes=minutes), job=name)

    retries = Retries(max=2, delay=20 * SECOND, max_delay=3 * MINUTE)
    return [
        (job("brief", schedule=every(1, "brief")), _takes(1, 5)),
        (job("slow", schedule=every(5, "slow")), _takes(60, 900)),
        (
            job("patient", schedule=every(10, "patient"), overlap=Overlap.QUEUE),
            _takes(60, 1500),
        ),
        (
            job(
                "impatient",
                schedule=every(10, "impatient"),
                overlap=Overlap.REPLACE,
                kill_after=2 * SECOND,
            ),
            _takes(60, 1500),
        ),
        (
            job(
                "sociable",
                schedule=every(3, "sociable"),
                overlap=Overlap.ALLOW,
                max_instances=3,
            ),
            _takes(60, 900),
        ),
        (job("nightly", schedule=cron("30 2 * * *", "nightly", "Europe/Berlin")), _takes(5, 50)),
        (job("spread", schedule=cron("0 * * * *", "spread"), jitter=20 * MINUTE), _takes(5, 50)),
        (
            job("thorough", schedule=every(15, "thorough"), catchup=Catchup.ALL),
            _takes(5, 300),
        ),
        (job("proud", schedule=every(7, "proud"), catchup=Catchup.NONE), _takes(5, 300)),
        (job("lazy", schedule=every(5, "lazy"), max_duty=0.3), _takes(30, 300)),
        (job("next", schedule=AfterSchedule.of(10 * MINUTE)), _takes(5, 600)),
        (
            job("flaky", schedule=every(20, "flaky"), retries=retries),
            lambda chance: (chance.uniform(1, 60), chance.choice([0, 1])),
        ),
        (
            job("stuck", schedule=every(30, "stuck"), timeout=2 * MINUTE, retries=retries),
            _takes(60, 1000),
        ),
        (
            job("hasty", schedule=every(6, "hasty"), start_deadline=20 * SECOND, priority=5),
            _takes(20, 120),
        ),
        (replace(job("manual"), priority=1), _takes(1, 2)),
    ]


def _takes(least_s: float, most_s: float) -> Duration:
    return lambda chance: (chance.uniform(least_s, most_s), 0)
