"""Jumps: the clock was set, and what hangs on an instant by the wrong clock is hung anew.

No tick runs twice, whatever the clock does: the ledger refuses those that were started. But
nothing may wait for a wrong instant to come again, or an hour on a clock that was years
ahead would silence every job for years.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from jobd.core.claim import JobMemory
from jobd.core.dismissal import put_back
from jobd.core.effects import VoidSkips
from jobd.core.ledger import TickRange
from jobd.core.run import RunState
from jobd.core.runs import retry_delay
from jobd.core.schedule import Schedule
from jobd.core.silence import STORE_RETRY, STORE_RETRY_KEY
from jobd.core.state import MICROSECOND, JobTrack, RunTrack, SchedulerState
from jobd.core.ticks import look_ahead
from jobd.core.timers import TimerKind


def clock_jumped(state: SchedulerState, by: timedelta, now: datetime) -> None:
    """Look at every schedule anew.

    After a jump forwards, what was jumped over is late, and catch-up decides. After one
    backwards, ticks that were looked at and have not come by the right clock come again.
    """
    if by < timedelta(0):
        void_skips(state, now)
        _hasten(state, now)
    for track in state.tracks.values():
        _bring_back(state, track, now)
        look_ahead(state, track)


def void_skips(state: SchedulerState, now: datetime) -> None:
    """Ask the store to open again what was skipped while the clock was ahead."""
    tracks = state.tracks.items()
    schedules = {n: t.job.schedule for n, t in tracks if t.job.schedule and not t.is_removed}
    state.emit(VoidSkips(now, schedules))


def believable(memory: JobMemory, now: datetime) -> JobMemory:
    """Return a job's memory without a rest that counts from a run which is yet to end."""
    if memory.rest_until is None or memory.last_ended is None or memory.last_ended <= now:
        return memory
    return replace(memory, rest_until=None)


def retry_due(run_track: RunTrack, now: datetime) -> datetime:
    """Return when a run's next attempt is due: no later than its delay from now."""
    run = run_track.run
    assert run.retry_at is not None, f"run {run.run_id} waits for no attempt"
    delay = retry_delay(run_track.job.retries, run.run_id, run.attempt)
    return min(run.retry_at, now + delay)


def _bring_back(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    track.maybe_decided_until = max(track.maybe_decided_until, track.cursor)
    track.cursor = min(track.cursor, now)
    if track.counts_from is not None:
        track.counts_from = min(track.counts_from, now)
    track.memory = believable(track.memory, now)
    if track.job.schedule is not None:
        owed = (_until(now, ticks, track.job.schedule) for ticks in track.backlog)
        track.backlog = [ticks for ticks in owed if ticks is not None]
    for candidate in tuple(track.open.values()):
        fire_time = candidate.request.fire_time
        if fire_time is not None and fire_time > now:
            put_back(state, candidate)


def _until(now: datetime, ticks: TickRange, schedule: Schedule) -> TickRange | None:
    """Return those ticks of a range that have come, or None."""
    if ticks.last <= now:
        return ticks
    last = schedule.latest(now)
    if last is None or last < ticks.first:
        return None
    count = schedule.count(ticks.first - MICROSECOND, last)
    return TickRange(ticks.job, ticks.first, last, count)


def _hasten(state: SchedulerState, now: datetime) -> None:
    """Set the timers again that would be due by the old clock."""
    for run_id, run_track in state.runs.items():
        if run_track.state is RunState.BACKOFF and state.waiting.get(run_id) is None:
            state.timers.set(TimerKind.RETRY_DUE, run_id, retry_due(run_track, now))
    state.spread.hasten(now)
    if state.spread.next_at() is not None:
        state.timers.set(TimerKind.SPREAD, "", now)
    if state.store_down:
        state.timers.set(TimerKind.STORE_RETRY, STORE_RETRY_KEY, now + STORE_RETRY)
