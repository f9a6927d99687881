"""Core: how many events a second the scheduler alone handles, in herds.

One round is a minute in the life of 1,000 (and of 10,000) jobs with the cron expression
``* * * * *``; a third has retries, a third a start deadline of its own. Counted are four
events for each job and round:

1. the tick that comes due (all of them at one ``Woke``; the scheduler looks at the
   schedule, decides, and asks for a claim),
2. the answer to its claim (all of them in one ``ClaimsDecided``, as the store answers),
3. ``RunStarted``, handled one by one,
4. ``AttemptEnded`` with an exit status of 0, likewise.

Time is that of the process (``time.process_time``). Python matters: built without
profile-guided optimisation, as by pyenv, it is a fifth slower than Debian's. Which one
this is, is printed.

Nothing else is counted, above all no effects: 1,000 jobs are 4,000 events a round, of
which the scheduler asks for 1 claim, 1,000 starts and 1,000 ends. Events are prepared
outside of the time that is measured; the reference, pushes to and pops from a bare heap
of as many (instant, number, name) entries as there are events, is measured in between.
"""

import gc
import heapq
import platform
import sysconfig
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.figures import Figure, middle
from benchmarks.quiet import wait_quiet
from jobd.core.claim import ClaimGranted, JobMemory
from jobd.core.effects import Claim, Effect, FinishRun, StartRun
from jobd.core.events import (
    AttemptEnded,
    ClaimsDecided,
    Configured,
    Event,
    Recovered,
    RunStarted,
    Woke,
)
from jobd.core.job import Command, Job, Retries
from jobd.core.outcome import Exit
from jobd.core.schedule import CronSchedule
from jobd.core.scheduler import Scheduler

AT_LEAST = 200_000  # events a second
SIZES = (1_000, 10_000)
ROUNDS = 31
MINUTE = timedelta(minutes=1)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SUCCESS = Exit(0, None, None, False, 0.01, 0.005, 1 << 20)


def figures() -> list[Figure]:
    """Measure."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    how = "with" if "--enable-optimizations" in options else "without"
    print(f"        Python {platform.python_version()}, {how} profile-guided optimisation")
    return [_figure(size) for size in SIZES]


def _figure(size: int) -> Figure:
    node = _Node(size)
    node.round()  # the first fills caches that stay
    rates, references = [], []
    gc.collect()
    gc.freeze()  # this and the threshold as the daemon has it, once it is ready
    gc.set_threshold(10_000)
    wait_quiet()
    for _ in range(ROUNDS):
        rates.append(4 * size / node.round())
        references.append(4 * size / bare_heap(4 * size))
    gc.unfreeze()
    return Figure(
        f"core, {size:,} jobs in a herd",
        middle(rates),
        "events/s",
        middle(references),
        "a bare heap's push and pop",
        AT_LEAST,
        is_floor=True,
    )


class _Node:
    """A scheduler and a clock that stands still while it thinks."""

    def __init__(self, size: int) -> None:
        self._now = BEGIN
        self._size = size
        self._scheduler = Scheduler("bench", "1")
        jobs = {job.name: job for job in map(_job, range(size))}
        memories = {name: JobMemory(name, BEGIN) for name in jobs}
        self._scheduler.handle(Configured(jobs, memories, size, 0), BEGIN)
        self._scheduler.handle(Recovered(()), BEGIN)

    def round(self) -> float:
        """Let every job have a tick and a run; return the seconds spent in the scheduler."""
        self._now += MINUTE
        spent_s, effects = self._timed([Woke()])
        [claim] = [effect for effect in effects if isinstance(effect, Claim)]
        answers = tuple(ClaimGranted(wish, 1, self._now) for wish in claim.requests)
        more_s, effects = self._timed([ClaimsDecided(answers)])
        runs = [effect.run.run_id for effect in effects if isinstance(effect, StartRun)]
        started_s, _ = self._timed([RunStarted(run_id, self._now) for run_id in runs])
        ended_s, effects = self._timed([AttemptEnded(r, SUCCESS, self._now) for r in runs])
        ends = [effect for effect in effects if isinstance(effect, FinishRun)]
        assert len(ends) == self._size, f"{len(ends)} of {self._size} jobs ran"
        return spent_s + more_s + started_s + ended_s

    def _timed(self, events: Sequence[Event]) -> tuple[float, list[Effect]]:
        handle, now = self._scheduler.handle, self._now
        effects: list[Effect] = []
        began_s = time.process_time()
        for event in events:
            effects += handle(event, now)
        return time.process_time() - began_s, effects


def _job(number: int) -> Job:
    name = f"job-{number:05}"
    schedule = CronSchedule.parse("* * * * *", job=name, timezone="Europe/Berlin")
    return Job(
        name,
        Command(("/bin/true",)),
        schedule,
        retries=Retries(max=3 if number % 3 == 0 else 0),
        start_deadline=timedelta(seconds=30) if number % 3 == 1 else None,
    )


def bare_heap(size: int) -> float:
    """Return the seconds that so many pushes and pops take."""
    heap: list[tuple[datetime, int, str]] = []
    instants = [BEGIN + timedelta(seconds=number * 7919 % 3600) for number in range(size)]
    began_s = time.process_time()
    for number, instant in enumerate(instants):
        heapq.heappush(heap, (instant, number, "job"))
    while heap:
        heapq.heappop(heap)
    return time.process_time() - began_s
