"""Ticks: from a schedule's due instant to a candidate, or to one skip for what came too late."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial

from jobd.core import misfire, turns
from jobd.core.candidates import consider
from jobd.core.claim import ClaimRequest, Demand, PoolDemand, Trigger
from jobd.core.dismissal import drop
from jobd.core.job import Catchup, Job, Overlap
from jobd.core.ledger import SkipReason, TickRange
from jobd.core.misfire import MisfirePlan
from jobd.core.pools import demand as pool_demand
from jobd.core.schedule import AfterSchedule, Tick, due_time
from jobd.core.state import MICROSECOND, NEVER, Candidate, JobTrack, SchedulerState, start_deadline
from jobd.core.timers import TimerKind
from jobd.core.wishes import pause_words


def look_ahead(state: SchedulerState, track: JobTrack) -> None:
    """Set the timer for the job's next tick after the cursor, if there will be one."""
    track.next_fire = _next_fire(track)
    if track.next_fire is None:
        track.next_due = None
        state.timers.cancel(TimerKind.TICK_DUE, track.job.name)
        return
    track.next_due = due_of(track.job, track.next_fire)
    state.timers.set(TimerKind.TICK_DUE, track.job.name, track.next_due)


def due_of(job: Job, fire_time: datetime) -> datetime:
    """Return the fire time plus the job's jitter, before the fire time that follows."""
    if not job.jitter or job.schedule is None:
        return fire_time
    following = job.schedule.next_after(fire_time)
    return due_time(Tick(job.name, fire_time), job.jitter, job.jitter_mode, following)


def tick_due(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    """Look at every tick of the job that has come due since the cursor."""
    job = track.job
    if state.neighbours is not None and state.neighbours.is_silent and state.is_shared(job):
        return  # nobody could decide it; when the store is back, catch-up says what still counts
    on_time_within = start_deadline(job, now)
    plan = _plan(track, now, on_time_within)
    track.cursor = plan.cursor
    if plan.skipped is not None:
        _skip_late(state, track, plan.skipped, now)
    if plan.catchup is not None:
        _owe(state, track, plan.catchup, now)
        _begin_to_catch_up(state, track, now)
    if plan.current is not None:
        deadline = due_of(job, plan.current) + on_time_within
        _propose(state, track, plan.current, Trigger.SCHEDULE, deadline, now)
    look_ahead(state, track)


def _plan(track: JobTrack, now: datetime, on_time_within: timedelta) -> MisfirePlan:
    job = track.job
    assert job.schedule is not None, "a job without a schedule has no ticks"
    only = misfire.only_one(job.schedule, track.cursor, now, track.counts_from)
    if only is not None and misfire.NO_TIME <= now - due_of(job, only) <= on_time_within:
        return MisfirePlan(only, only)  # plan() says the same; to ask it costs four times as much
    return misfire.plan(
        job.schedule,
        job=job.name,
        after=track.cursor,
        now=now,
        due_of=partial(due_of, job),
        catchup=job.catchup,
        window=_window(job),
        on_time_within=on_time_within,
        last_ended=track.counts_from,
    )


def _begin_to_catch_up(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    """Let a job catch up now, or when its turn comes among all that have to."""
    if track.backlog:
        owed = track.backlog[0].first
        if state.spread.begins_at_once(track.job.name, track.job.priority, owed, now):
            work_off_backlog(state, track, now)
        _watch_spread(state)


def next_catches_up(state: SchedulerState, _: str, now: datetime) -> None:
    """Let the next job begin that has to catch up."""
    job = state.spread.release(now)
    if job is not None:
        work_off_backlog(state, state.tracks[job], now)
    _watch_spread(state)


def _watch_spread(state: SchedulerState) -> None:
    next_at = state.spread.next_at()
    if next_at is not None:
        state.timers.set(TimerKind.SPREAD, "", next_at)


def work_off_backlog(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    """Propose the next tick to catch up on, unless a run or another tick is in front of it."""
    if track.backlog and track.pause(now) is not None:
        forgo(state, track, now)  # in one row, not in one for each of what may be thousands
    while track.backlog and not _is_in_front(track):
        fire_time = _pop_backlog(track)
        if now - due_of(track.job, fire_time) > _longest_wait(track.job, now):
            _skip_late(state, track, TickRange(track.job.name, fire_time, fire_time, 1), now)
        else:
            deadline = now + track.job.catchup_window
            _propose(state, track, fire_time, Trigger.CATCHUP, deadline, now)


def give_up_old_backlog(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    """Skip what is still to be caught up on, and has become too late for that: a run that is
    replaced by the next one again and again never lets it pass."""
    longest = _longest_wait(track.job, now)
    old = [owed for owed in track.backlog if now - due_of(track.job, owed.last) > longest]
    track.backlog = [owed for owed in track.backlog if owed not in old]
    for owed in old:
        _skip_late(state, track, owed, now)
    _watch_backlog(state, track, now)


def _watch_backlog(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    """Set the timer for when the oldest ticks to catch up on are too late."""
    longest = _longest_wait(track.job, now)
    if track.backlog and longest < timedelta.max:
        too_late = due_of(track.job, track.backlog[0].last) + longest + MICROSECOND
        state.timers.set(
            TimerKind.BACKLOG_TOO_OLD, track.job.name, max(too_late, now + MICROSECOND)
        )


def _longest_wait(job: Job, now: datetime) -> timedelta:
    """Return how long after its due time a tick may still be caught up on."""
    return max(_window(job), start_deadline(job, now))


def _is_in_front(track: JobTrack) -> bool:
    """Whether a tick to catch up on has to wait: for another, or for a place beside what runs."""
    if track.open:
        return True
    places = track.job.max_instances if track.job.overlap is Overlap.ALLOW else 1
    return len(track.runs) + len(track.elsewhere) >= places


def _next_fire(track: JobTrack) -> datetime | None:
    job = track.job
    if job.schedule is None or not job.enabled or track.is_removed or track.is_foreign:
        return None
    if isinstance(job.schedule, AfterSchedule) and _is_ahead(track):
        return None  # counted from the end of what is still ahead
    return job.schedule.next_after(track.cursor, track.counts_from)


def _is_ahead(track: JobTrack) -> bool:
    return bool(track.runs or track.open or track.elsewhere or track.is_count_open)


def _window(job: Job) -> timedelta:
    """Return how late a tick may still run. One that was to follow a run's end is never too
    late: nothing came in its place, and the next one would follow only after another delay."""
    return timedelta.max if isinstance(job.schedule, AfterSchedule) else job.catchup_window


def _skip_late(state: SchedulerState, track: JobTrack, late: TickRange, now: datetime) -> None:
    """Settle ticks that nobody could decide in time, in one row."""
    track.counts_from, track.is_count_open = now, state.is_shared(track.job)
    pause = track.pause(now)
    if pause is not None:
        state.skip(track, late, SkipReason.PAUSED, pause_words(pause))
        return
    if state.is_shared(track.job) and _was_store_silent(state, late.last):
        state.skip(track, late, SkipReason.STORE_DOWN, "the store did not answer")
        return
    detail = "nobody was there to decide in time: jobd was not running, or the clock was set"
    state.skip(track, late, SkipReason.MISFIRE, detail)


def _propose(
    state: SchedulerState,
    track: JobTrack,
    fire_time: datetime,
    trigger: Trigger,
    deadline: datetime,
    now: datetime,
) -> None:
    """Make a tick a candidate and see how far it gets."""
    job = track.job
    run_id = state.run_id(job.name, fire_time)
    if run_id in track.open or run_id in track.runs:
        return  # the clock went back: this very tick waits, or runs, already
    due, ages_at = due_of(job, fire_time), NEVER
    if track.open:
        due, ages_at = _supersede(state, track, due)
    demand = _demand(job.overlap, job.max_instances, pool_demand(state, job))
    # settled_until is right unless another tick waits; take_effects() sees to it.
    request = ClaimRequest(run_id, job.name, fire_time, trigger, demand, settled_until=track.cursor)
    candidate = Candidate(job, request, due, deadline, ages_at=ages_at)
    track.open[run_id] = candidate
    if state.neighbours is not None and state.is_shared(job):
        turns.await_turn(state, track, candidate, now)
    else:
        consider(state, track, candidate, now)


@cache
def _demand(overlap: Overlap, max_instances: int, pool: PoolDemand | None) -> Demand:
    """Return what a tick demands; the few that there are, are shared."""
    return Demand(overlap, max_instances, pool=pool)


def _was_store_silent(state: SchedulerState, instant: datetime) -> bool:
    return state.neighbours is not None and state.neighbours.was_silent_at(instant)


def _supersede(state: SchedulerState, track: JobTrack, due: datetime) -> tuple[datetime, datetime]:
    """Skip the job's tick that still waits for room: the one that comes now is fresher.

    Returns since when the fresher one has waited, and when it is aged: it keeps the place in
    the line, or a job with a short interval would never reach its head on a busy node.
    """
    ages_at = NEVER
    if track.job.overlap is Overlap.ALLOW:
        return due, ages_at
    for older in tuple(track.open.values()):
        waits = older in state.waiting or older.key in state.wait_for_pool
        if waits and older.request.fire_time is not None:
            due, ages_at = min(due, older.due), min(ages_at, older.ages_at)
            reason = older.held_longest_by(state.now) or SkipReason.MAX_RUNNING
            drop(state, older, reason, "still waited when the next tick came")
    return due, ages_at


def _owe(state: SchedulerState, track: JobTrack, owed: TickRange, now: datetime) -> None:
    """Add ticks to catch up on; where only the latest counts, those owed before are skipped."""
    if track.job.catchup is Catchup.LATEST:
        forgo(state, track, now)
    track.backlog.append(owed)
    _watch_backlog(state, track, now)


def forgo(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    """Skip all that was still to be caught up on."""
    owed, track.backlog = track.backlog, []
    for ticks in owed:
        _skip_late(state, track, ticks, now)


def _pop_backlog(track: JobTrack) -> datetime:
    """Take the oldest tick out of the backlog."""
    owed = track.backlog.pop(0)
    assert track.job.schedule is not None, "a job without a schedule owes no tick"
    following = track.job.schedule.next_after(owed.first)
    if owed.count > 1 and following is not None and following <= owed.last:
        track.backlog.insert(0, replace(owed, first=following, count=owed.count - 1))
    return owed.first
