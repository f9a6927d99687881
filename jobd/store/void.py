"""Void: after a clock that was ahead has been set right, what its skips are worth.

While it was ahead, ticks that had not come yet were skipped as too late, a whole range of
them at a time. By the right clock they are still to come, so these skips are void. What
was started stays started: no tick runs twice.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile

from jobd.core.ledger import TickRange, TickRecord
from jobd.core.schedule import Schedule
from jobd.store.forgotten import spans_over
from jobd.store.fresh import count_fresh
from jobd.store.history import History
from jobd.store.roll import Draft, JobState

_MICROSECOND = timedelta(microseconds=1)


def void_skips_after(
    draft: Draft, history: History, now: datetime, schedules: Mapping[str, Schedule]
) -> int:
    """See :meth:`jobd.ports.Store.void_skips_after`."""
    ahead = [state for state in draft.jobs.values() if _is_ahead(state, now)]
    return sum(_set_right(draft, history, s, now, schedules.get(s.name)) for s in ahead)


def _is_ahead(state: JobState, now: datetime) -> bool:
    known = (state.settled_until, state.decided_until, state.rest_until and state.last_ended)
    return any(instant is not None and instant > now for instant in known)


def _set_right(
    draft: Draft, history: History, state: JobState, now: datetime, schedule: Schedule | None
) -> int:
    """Void one job's skips and bring its watermarks back; return how many ticks are open."""
    state, opened = draft.edit(state.name), 0
    gone = set[TickRange]()
    for row in history.skips_after(state, now):
        if row.ticks.first <= now and schedule is None:
            continue  # a job that has left; cut when it comes back
        left = _cut(history, state, row, now, schedule)
        draft.cuts.append((row, left))
        gone.add(row.ticks)
        opened += row.ticks.count - (0 if left is None else left.ticks.count)
    state.settled_until = min(state.settled_until, now)
    if state.last_ended is not None and state.last_ended > now:
        state.rest_until = None
    if state.decided_until is not None and state.decided_until > now:
        rows = _rows_over(history, state, now + _MICROSECOND, state.decided_until)
        state.decided_until = max((r.last for r in rows if r not in gone), default=now)
    return opened


def _cut(
    history: History,
    state: JobState,
    row: TickRecord,
    now: datetime,
    schedule: Schedule | None,
) -> TickRecord | None:
    """Return what is left of a row up to ``now``; None if that is nothing."""
    ticks = row.ticks
    if ticks.first > now or schedule is None:
        return None
    last = max(schedule.latest(now) or ticks.first, ticks.first)
    whole = TickRange(ticks.job, ticks.first, last, schedule.count(ticks.first, last) + 1)
    before = [one for one in _decided_before(history, state, ticks) if one.first <= last]
    count = min(count_fresh(whole, before, schedule), ticks.count)
    return replace(row, ticks=replace(whole, count=count)) if count else None


def _decided_before(history: History, state: JobState, ticks: TickRange) -> list[TickRange]:
    """Return the rows over a range that were there when it came: it does not count theirs."""
    rows = history.rows_over(state, ticks.first, ticks.last)
    before = list(takewhile(lambda row: row != ticks, rows))
    return [*before, *spans_over(state.name, state.forgotten, ticks.first, ticks.last)]


def _rows_over(
    history: History, state: JobState, first: datetime, last: datetime
) -> list[TickRange]:
    forgotten = spans_over(state.name, state.forgotten, first, last)
    return [*history.rows_over(state, first, last), *forgotten]
