"""Fresh: how many ticks of a range the ledger does not have yet.

A store knows no schedules, so it cannot list the ticks of a range. It need not: rows that
lie in the range whole are known by their count, and those are all that a repeated or
extended skip meets. Where a row reaches out of the range, ticks are taken to be evenly
spaced, which is exact for most schedules and never off by more than the row.
"""

from collections.abc import Iterable
from datetime import datetime

from jobd.core.ledger import TickRange


def count_fresh(
    ticks: TickRange, rows: Iterable[TickRange], forgotten_until: datetime | None
) -> int:
    """Return how many of ``ticks`` are in none of ``rows`` and after ``forgotten_until``."""
    fresh, first = ticks.count, ticks.first
    if forgotten_until is not None and forgotten_until >= first:
        fresh -= count_within(ticks, first, forgotten_until)
        first = forgotten_until
        rows = [row for row in rows if row.last > forgotten_until]
    for row in rows:
        if row.first <= ticks.first and ticks.last <= row.last:
            return 0
        fresh -= count_within(row, first, ticks.last)
    return max(fresh, 0)


def count_within(ticks: TickRange, first: datetime, last: datetime) -> int:
    """Return how many of the range's ticks lie in ``first`` to ``last``, both included."""
    if first <= ticks.first and ticks.last <= last:
        return ticks.count
    if last < ticks.first or ticks.last < first:
        return 0
    gaps, span = ticks.count - 1, ticks.last - ticks.first
    if not gaps or not span:
        return ticks.count
    # Tick number n is at first + n * span / gaps; integers, as rounding would lose one.
    lowest = max(-((ticks.first - first) * gaps // span), 0)
    highest = min((last - ticks.first) * gaps // span, gaps)
    return max(highest - lowest + 1, 0)
