"""S3: every tick ends up started, or skipped with a reason, once for the cluster."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from jobd.core.ledger import TickRecord
from jobd.core.schedule import AfterSchedule, Schedule
from tests.sim.cluster.world import EPOCH, World
from tests.sim.world import run_now

EVERYTHING = 10_000_000
LATEST = timedelta(minutes=30)  # what came later may still be decided


def all_accounted(world: World) -> list[str]:
    """The shared ledger holds every tick of a plain walk of each schedule, exactly once."""
    return [c for name in world.shared for c in _unaccounted(world, name)]


def ledger(world: World, name: str) -> list[TickRecord]:
    """Return a shared job's rows."""
    return list(run_now(world.store.ticks(name, limit=EVERYTHING)))


def _unaccounted(world: World, name: str) -> Iterator[str]:
    schedule, rows = world.jobs[name].schedule, ledger(world, name)
    assert schedule is not None
    covered = {tick for row in rows for tick in _walk(schedule, row.ticks.first, row.ticks.last)}
    counted = sum(row.ticks.count for row in rows)
    if counted != len(covered):
        yield f"{name}: the ledger counts {counted} ticks, there were {len(covered)}"
    if not isinstance(schedule, AfterSchedule):
        expected = _expected(schedule, world.store_now() - LATEST)
        for tick in sorted(set(expected) - covered)[:5]:
            yield f"{name}: {tick} is not in the ledger"


def _walk(schedule: Schedule, first: datetime, last: datetime) -> Iterable[datetime]:
    yield first
    instant: datetime | None = first
    while instant is not None and instant < last:
        instant = schedule.next_after(instant)
        if instant is not None and instant <= last:
            yield instant


def _expected(schedule: Schedule, until: datetime) -> Iterable[datetime]:
    instant = schedule.next_after(EPOCH + timedelta(seconds=30))
    while instant is not None and instant <= until:
        yield instant
        instant = schedule.next_after(instant)
