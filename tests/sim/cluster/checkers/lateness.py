"""L1: with a healthy node and the store in reach, a tick is decided in time, and not before."""

from collections.abc import Iterator
from datetime import datetime

from jobd.core.job import Catchup, Job
from jobd.core.ledger import TickRecord
from jobd.core.schedule import AfterSchedule, Tick, due_time
from jobd.core.state import start_deadline
from tests.sim.cluster.checkers.accounted import ledger
from tests.sim.cluster.journal import LOCKED
from tests.sim.cluster.world import EPOCH, World

SLACK_S = 10.0
PROMPT_JOBS = ("brief", "hourly", "zoned")  # nothing ever stands in their way
DEAD_NODE_S = 2.0  # what a dead node costs its share of ticks
WAY_S = 1.5  # beat and claim, each of them slow now and then
EARLY_S = 0.3  # a node's idea of the store's time


def in_time(world: World) -> list[str]:
    """Every tick is decided within its start_deadline and a little."""
    complaints = []
    for job, row, due in _rows(world):
        late_s = (row.decided_at - due - start_deadline(job, due)).total_seconds()
        if late_s > SLACK_S and job.catchup is not Catchup.ALL and _was_able(world, job, row, due):
            complaints.append(f"{job.name}: {due} was decided {late_s:.1f} s after its deadline")
    return complaints


def prompt(world: World) -> list[str]:
    """Where nothing stands in their way, ticks start at once, whichever node is dead."""
    if world.memory_budget is not None or world.max_running < 3 * len(world.jobs):
        return []
    complaints = []
    for job, row, due in _rows(world):
        late_s = (row.decided_at - due).total_seconds()
        is_slow = job.name in PROMPT_JOBS and late_s > DEAD_NODE_S + WAY_S
        if is_slow and _was_able(world, job, row, due):
            complaints.append(f"{job.name}: {due} took {late_s:.1f} s ({row.reason or 'started'})")
    return complaints


def nothing_early(world: World) -> list[str]:
    """No run is granted before its tick's due time, by the store's clock."""
    complaints = []
    for job, row, due in _rows(world):
        early_s = (due - row.decided_at).total_seconds()
        span = _span(due, row.decided_at)
        if row.reason is None and early_s > EARLY_S and world.journal.was_healthy("", *span):
            complaints.append(f"{job.name}: {due} was granted {early_s:.3f} s before")
    return complaints


def _rows(world: World) -> Iterator[tuple[Job, TickRecord, datetime]]:
    if world.journal.steps:
        return  # nothing can be measured by a clock that was set
    for name, job in world.shared.items():
        if not isinstance(job.schedule, AfterSchedule):
            for row in ledger(world, name):
                yield job, row, _due(job, row.ticks.last)


def _due(job: Job, fire_time: datetime) -> datetime:
    """Return the due time that all nodes should have come to."""
    if not job.jitter or job.schedule is None:
        return fire_time
    following = job.schedule.next_after(fire_time)
    return due_time(Tick(job.name, fire_time), job.jitter, job.jitter_mode, following)


def _was_able(world: World, job: Job, row: TickRecord, due: datetime) -> bool:
    """Whether any node that may run the job was well, from shortly before until the decision."""
    span = _span(due, row.decided_at)
    if not world.journal.was_healthy(LOCKED, *span):
        return False
    able = [name for name in world.names if not job.nodes or name in job.nodes]
    return any(world.journal.was_healthy(name, *span) for name in able)


def _span(start: datetime, end: datetime) -> tuple[float, float]:
    seconds = [(instant - EPOCH).total_seconds() for instant in (start, end)]
    return min(seconds) - 60, max(seconds)
