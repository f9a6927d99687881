"""Waiting: what it costs to decide each of ten thousand ticks that wait for memory.

The node is full all the while: each run that ends lets in the next one that fits. From the
scheduler's time for all of that, its time for the same ticks and runs on a node that has room
for them all is taken off; what is left is what it takes to join the line and to be chosen.
"""

import gc
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.figures import Figure, middle
from benchmarks.quiet import wait_quiet
from jobd.core.claim import ClaimGranted, JobMemory
from jobd.core.effects import Claim, Effect, StartRun
from jobd.core.events import AttemptEnded, ClaimsDecided, Configured, Event, Recovered, Woke
from jobd.core.job import Command, Job, Limits
from jobd.core.outcome import Exit
from jobd.core.schedule import CronSchedule
from jobd.core.scheduler import Scheduler

AT_MOST_US = 50.0
WAITING = 10_000
ROUNDS = 5
MIB = 1 << 20
BUDGET = 4096 * MIB
SIZES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)  # MiB that runs may take
MINUTE = timedelta(minutes=1)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SUCCESS = Exit(0, None, None, False, 0.01, 0.005, MIB)


def figures() -> list[Figure]:
    """Measure."""
    gc.collect()
    gc.set_threshold(10_000)  # as the daemon has it
    wait_quiet()
    costs, references = [], []
    for _ in range(ROUNDS):
        free_us = _decided_s(budget=None) / WAITING * 1e6
        costs.append(_decided_s(BUDGET) / WAITING * 1e6 - free_us)
        references.append(free_us)
    return [
        Figure(
            f"{WAITING:,} ticks waiting for memory, each",
            middle(costs),
            "us",
            middle(references),
            "a tick and its run that need not wait",
            AT_MOST_US,
        )
    ]


def _decided_s(budget: int | None) -> float:
    """Let all start as there is room for them; return the seconds that the scheduler took."""
    scheduler, clock = _node(budget), _Clock()
    effects = clock.timed(scheduler, [Woke()])
    running: list[str] = []
    started = 0
    while True:
        claims = [wish for e in effects if isinstance(e, Claim) for wish in e.requests]
        answers = tuple(ClaimGranted(wish, 1, clock.now) for wish in claims)
        for answer in answers:  # one by one, as a full node gets them
            more = clock.timed(scheduler, [ClaimsDecided((answer,))])
            running += [e.run.run_id for e in more if isinstance(e, StartRun)]
            started += 1
        if not running:
            break
        effects = clock.timed(scheduler, [AttemptEnded(running.pop(0), SUCCESS, clock.now)])
    assert started == WAITING, f"{started} of {WAITING} jobs ran"
    return clock.spent_s


class _Clock:
    """Stands still while the scheduler thinks, and counts how long that takes."""

    def __init__(self) -> None:
        self.now = BEGIN + MINUTE
        self.spent_s = 0.0

    def timed(self, scheduler: Scheduler, events: Sequence[Event]) -> list[Effect]:
        effects: list[Effect] = []
        began_s = time.process_time()
        for event in events:
            effects += scheduler.handle(event, self.now)
        self.spent_s += time.process_time() - began_s
        return effects


def _node(budget: int | None) -> Scheduler:
    scheduler = Scheduler("bench", "1")
    jobs = {job.name: job for job in map(_job, range(WAITING))}
    memories = {name: JobMemory(name, BEGIN) for name in jobs}
    places = (WAITING, WAITING)
    in_force = Configured(jobs, memories, *places, memory_budget_bytes=budget)
    scheduler.handle(in_force, BEGIN)
    scheduler.handle(Recovered(()), BEGIN)
    return scheduler


def _job(number: int) -> Job:
    name = f"job-{number:05}"
    schedule = CronSchedule.parse("* * * * *", job=name, timezone="UTC")
    limits = Limits(memory_max_bytes=SIZES[number % len(SIZES)] * MIB)
    return Job(name, Command(("/bin/true",)), schedule, limits=limits, priority=number % 7)
