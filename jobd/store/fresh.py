"""Fresh: how many ticks of a range the ledger does not have yet."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from jobd.core.ledger import TickRange
from jobd.core.schedule import Schedule

_MICROSECOND = timedelta(microseconds=1)


def count_fresh(ticks: TickRange, rows: Sequence[TickRange], schedule: Schedule | None) -> int:
    """Return how many of ``ticks`` lie in none of ``rows``: those that share an instant
    with them, however they overlap.

    Every tick between a row's first and last is decided, so what is new lies in the gaps
    between the rows; ``schedule`` counts it. A single tick has no gaps and needs none.
    """
    if not rows:
        return ticks.count
    fresh, done = 0, ticks.first - _MICROSECOND
    for row in sorted(rows, key=lambda row: row.first):
        fresh += _count(schedule, done, row.first - _MICROSECOND)
        done = max(done, row.last)
    return fresh + _count(schedule, done, ticks.last)


def _count(schedule: Schedule | None, after: datetime, until: datetime) -> int:
    if until <= after:
        return 0
    assert schedule is not None, "a range overlaps another and comes without its schedule"
    return schedule.count(after, until)
