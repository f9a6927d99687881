"""Why at a given time: the verdicts on the ticks of one minute or second, or why there is none.

The ledger's word comes first; where it has none, the present state and the schedule say
whether the tick waits, is still to come, or never was.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from jobd.core.ledger import TickRecord
from jobd.core.schedule import AfterSchedule
from jobd.core.ticks import due_of
from jobd.core.view import JobState, JobView
from jobd.web.when import When
from jobd.web.why import Evidence, Kind, Verdict, judge_manual, judge_row
from jobd.web.words import stamp

_MICROSECOND = timedelta(microseconds=1)


def explain_at(evidence: Evidence, when: When) -> list[Verdict]:
    """Return what became of the job's ticks in ``when``, runs by hand included, oldest first.

    Never empty: without any tick there it says so, and names the nearest on either side.
    """
    rows = [row for row in evidence.rows if _touches(row, when)]
    hits = [judge_row(evidence, row) for row in rows if _decides_some(row, rows, evidence, when)]
    hits += [judge_manual(evidence, run) for run in evidence.manual if when.holds(run.claimed_at)]
    if not any(hit.row is not None for hit in hits):
        hits.append(_without_row(evidence, when))
    return sorted(hits, key=lambda hit: hit.fire_time or when.start)


def neighbours(evidence: Evidence, when: When) -> list[Verdict]:
    """Return the verdicts on the ledger's nearest rows before and after ``when``."""
    before = [row for row in evidence.rows if row.ticks.last < when.start]
    after = [row for row in evidence.rows if row.ticks.first >= when.end]
    return [judge_row(evidence, row) for row in (*before[:1], *after[-1:])]


def _touches(row: TickRecord, when: When) -> bool:
    return row.ticks.first < when.end and row.ticks.last >= when.start


def _decides_some(
    row: TickRecord, rows: Sequence[TickRecord], evidence: Evidence, when: When
) -> bool:
    """Return whether a row says anything of ``when`` that rows of single ticks do not.

    A range that was settled after a restart may span ticks that had been decided before;
    these are not among its count, and their own rows tell what became of them.
    """
    known = {other.ticks.first for other in rows if other.ticks.first == other.ticks.last}
    if row.ticks.first == row.ticks.last or not known:
        return True
    tick = _next_after(evidence, max(row.ticks.first, when.start) - _MICROSECOND)
    while tick is not None and tick in known:
        tick = _next_after(evidence, tick)
    return tick is not None and tick <= row.ticks.last and when.holds(tick)


def _without_row(evidence: Evidence, when: When) -> Verdict:
    fire_time = _fire_time_within(evidence, when)
    if fire_time is None:
        return Verdict(Kind.NO_TICK, _no_tick(evidence, when), None)
    if fire_time > evidence.now:
        return Verdict(Kind.FUTURE, _to_come(evidence, fire_time), fire_time)
    return _undecided(evidence, fire_time)


def _fire_time_within(evidence: Evidence, when: When) -> datetime | None:
    """Return the tick that the schedule in force has in ``when``, if it has one."""
    view = evidence.view
    waiting = [w.fire_time for w in view.waiting if when.holds(w.fire_time)]
    if waiting:
        return waiting[0]
    if when.holds(view.next_fire):
        return view.next_fire
    fire_time = _next_after(evidence, when.start - _MICROSECOND)
    return fire_time if when.holds(fire_time) else None


def _next_after(evidence: Evidence, instant: datetime) -> datetime | None:
    view = evidence.view
    if isinstance(view.job.schedule, AfterSchedule):  # it knows no more than its next tick
        return view.next_fire if view.next_fire and view.next_fire > instant else None
    return view.job.schedule.next_after(instant) if view.job.schedule else None


def _to_come(evidence: Evidence, fire_time: datetime) -> str:
    view, zone = evidence.view, evidence.zone
    due = due_of(view.job, fire_time)
    text = f"{stamp(fire_time, zone)} is still to come"
    if due != fire_time:
        text += f", due {stamp(due, zone)} with its jitter"
    pause = view.pause
    if pause is not None and (pause.until is None or pause.until > due):
        return f"{text}; paused by {pause.by}, it will be skipped unless resumed"
    if view.memory.skip_next is not None and fire_time == view.next_fire:
        return f"{text}; it will be skipped: skip-next by {view.memory.skip_next.by}"
    return text if view.job.enabled else f"{text} only if the job were enabled"


def _undecided(evidence: Evidence, fire_time: datetime) -> Verdict:
    view, zone = evidence.view, evidence.zone
    for waiting in view.waiting:
        if waiting.fire_time == fire_time:
            words = f"waits since {stamp(waiting.since, zone)}: {waiting.held_by}"
            return Verdict(Kind.WAITING, f"{stamp(fire_time, zone)} {words}", fire_time)
    if not view.job.enabled:
        text = f"{stamp(fire_time, zone)} would be a tick, but the job is disabled"
        return Verdict(Kind.NO_TICK, text, None)
    due = due_of(view.job, fire_time)
    text = f"{stamp(fire_time, zone)} is not decided yet"
    if due > evidence.now:
        text += f": with its jitter it is due {stamp(due, zone)}"
    elif fire_time <= view.memory.settled_until or _is_behind(view, fire_time, evidence.now):
        text = (
            f"{stamp(fire_time, zone)} would be a tick of the schedule in force, but nothing is "
            "known of it: the job was not configured so then, or the history was pruned, or "
            "could not be kept"
        )
    return Verdict(Kind.UNDECIDED, text, fire_time)


def _is_behind(view: JobView, fire_time: datetime, now: datetime) -> bool:
    """Whether a tick was decided, whatever the ledger has of it: the scheduler has gone on to a
    later one, and has none in hand whose time to start has not passed."""
    if view.next_fire is None or fire_time >= view.next_fire or view.state is JobState.WAITING:
        return False
    return now > due_of(view.job, fire_time) + (view.start_deadline or timedelta(0))


def _no_tick(evidence: Evidence, when: When) -> str:
    near = "; ".join(_nearest(evidence, when))
    if evidence.view.job.schedule is None:
        return "the job has no schedule: it runs only when triggered"
    return f"no tick of this schedule at {stamp(when.start, evidence.zone)}; {near or 'none near'}"


def _nearest(evidence: Evidence, when: When) -> Iterator[str]:
    """Yield the nearest tick before and after, by the ledger and by the schedule."""
    ended = [row.ticks.last for row in evidence.rows if row.ticks.last < when.start]
    schedule = evidence.view.job.schedule
    before = schedule.latest(when.start) if schedule else None
    known = [instant for instant in (*ended, before) if instant is not None]
    if known:
        yield f"nearest before: {stamp(max(known), evidence.zone)}"
    coming = _next_after(evidence, when.end - _MICROSECOND)
    later = [row.ticks.first for row in evidence.rows if row.ticks.first >= when.end]
    following = [instant for instant in (*later, coming) if instant is not None]
    if following:
        yield f"nearest after: {stamp(min(following), evidence.zone)}"
