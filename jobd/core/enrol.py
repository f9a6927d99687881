"""Enrol: jobs come, change and go; runs of an earlier daemon are taken back."""

from dataclasses import replace
from datetime import datetime, timedelta

from jobd.core.claim import ActiveRun, JobMemory
from jobd.core.dismissal import drop
from jobd.core.events import AttemptEnded, Configured, HeldRun, Recovered
from jobd.core.job import Catchup, Command, Job
from jobd.core.jumps import believable, retry_due, void_skips
from jobd.core.leases import renew
from jobd.core.ledger import SkipReason
from jobd.core.needs import need_of, take_room
from jobd.core.outcome import Exit, StopCause
from jobd.core.placement import may_run
from jobd.core.run import RunEvent, RunState, advance
from jobd.core.runs import (
    attempt_ended,
    keep,
    leave_backoff,
    lost,
    not_started,
    send,
    started,
    stop,
)
from jobd.core.schedule import AfterSchedule
from jobd.core.state import Candidate, JobTrack, RunTrack, SchedulerState, start_deadline
from jobd.core.ticks import look_ahead
from jobd.core.timers import TimerKind

_LOST = "neither its processes nor their end are known: the supervisor or the machine went down"


def configured(state: SchedulerState, event: Configured, now: datetime) -> None:
    """Put a configuration in force. Jobs that did not change feel nothing."""
    state.room.max_running = event.max_running
    state.room.memory_budget_bytes = event.memory_budget_bytes
    state.room.pressure.limit(event.pressure)
    state.waiting.size = event.max_waiting
    state.labels, state.pools, state.unreached = event.labels, event.pools, event.unreached
    if state.neighbours is not None:
        state.neighbours.labels = event.labels
    if not state.is_recovered:
        state.drain = event.drain
    for name in [name for name in state.tracks if name not in event.jobs]:
        _remove(state, state.tracks[name])
    for job in event.jobs.values():
        _put_in_force(state, job, event.memories.get(job.name), now)
    if any(memory.is_ahead_of(now) for memory in event.memories.values()):
        void_skips(state, now)  # the clock was set back while no daemon was there to see it
    for run in event.orphans if not state.is_recovered else ():
        if run.run_id not in state.runs:
            _take_back(state, _ghost(state, run.job, now), run)
    if state.neighbours is not None and state.is_recovered:
        _recognize(state, event)


def recovered(state: SchedulerState, event: Recovered, now: datetime) -> None:
    """Compare what the supervisor holds with what should be active; go on from there."""
    state.room.is_closed = False
    state.is_recovered = True
    held = {h.run.run_id: h for h in event.held}
    for run_track in tuple(state.runs.values()):
        _compare(state, run_track, held.get(run_track.run.run_id), event.since, now)
    for one in held.values():
        _resume(state, one, now)


def supervisor_lost(state: SchedulerState, now: datetime) -> None:
    """End every run that had processes; start nothing until a supervisor is back."""
    state.room.is_closed = True
    for run_track in tuple(state.runs.values()):
        if run_track.is_sent and run_track.state is not RunState.BACKOFF:
            lost(state, run_track, "the supervisor died, and its processes with it", now)


def forget_if_gone(state: SchedulerState, track: JobTrack) -> None:
    """Drop the track of a removed job once nothing of it is left."""
    is_gone = track.is_removed and not track.runs and not track.open
    if is_gone and state.tracks.get(track.job.name) is track:
        del state.tracks[track.job.name]


def _put_in_force(state: SchedulerState, job: Job, memory: JobMemory | None, now: datetime) -> None:
    track = state.tracks.get(job.name)
    if track is None:
        assert memory is not None, f"{job.name} is new and nothing says what is remembered of it"
        track = _new_track(state, job, memory, now)
    elif memory is not None:
        _begin_anew(state, track, memory, now)
    for candidate in track.open.values():
        _redefine(state, candidate, job)
    is_foreign = not state.is_shared(job) and not may_run(job.nodes, state.node, state.labels)
    keeps_ticks = memory is None and is_foreign == track.is_foreign and _keeps_ticks(track, job)
    track.job = job
    track.is_removed = False
    track.is_foreign = is_foreign
    pause = track.memory.pause
    if pause is not None and pause.until is not None:
        state.timers.set(TimerKind.PAUSE_ENDS, job.name, pause.until)
    if not keeps_ticks:
        look_ahead(state, track)


def _keeps_ticks(track: JobTrack, job: Job) -> bool:
    """Whether the next tick of a known job is due when it was: with ten thousand jobs that do
    not change, to look for each would let a claim wait for a tenth of a second."""
    before = track.job
    return (
        not track.is_removed
        and not isinstance(job.schedule, AfterSchedule)
        and (before.schedule, before.enabled) == (job.schedule, job.enabled)
        and (before.jitter, before.jitter_mode) == (job.jitter, job.jitter_mode)
    )


def _redefine(state: SchedulerState, candidate: Candidate, job: Job) -> None:
    """Let a candidate start with the definition in force, at the place of its priority."""
    waits_for_room = state.waiting.leave(candidate)
    candidate.job = job
    if waits_for_room:
        candidate.need = need_of(state, state.tracks[job.name], job)
        state.waiting.enter(candidate)


def _new_track(state: SchedulerState, job: Job, memory: JobMemory, now: datetime) -> JobTrack:
    cursor = min(memory.settled_until, now)
    last = [at for at in (memory.last_ended, memory.last_skipped) if at is not None]
    counts_from = min(max(last), now) if last else None
    track = JobTrack(job, believable(memory, now), cursor, counts_from=counts_from)
    track.maybe_decided_until = max(memory.settled_until, now)
    state.tracks[job.name] = track
    # Later on every run is known here; one that the store still thinks active has just ended.
    for run in memory.active if not state.is_recovered else ():
        if not state.is_elsewhere(job, run):
            _take_back(state, track, run)
    track.elsewhere = tuple(run for run in memory.active if state.is_elsewhere(job, run))
    return track


def _begin_anew(state: SchedulerState, track: JobTrack, memory: JobMemory, now: datetime) -> None:
    """Put another schedule in force, or a job that had left and is back."""
    if track.is_removed:
        track.memory = memory
    _waiting_in_vain(state, track, "its schedule was changed by a reload", ticks_only=True)
    track.cursor = min(memory.settled_until, now)


def _take_back(state: SchedulerState, track: JobTrack, run: ActiveRun) -> None:
    """Hold an active run of an earlier daemon; the supervisor's word on it is still to come.

    A lease of it is not trusted before it has been renewed.
    """
    is_leased = run.lease_until is not None or state.is_shared(track.job)
    if run.retry_at is not None:
        run_track = RunTrack(run, track.job, RunState.BACKOFF, is_leased=is_leased)
        keep(state, track, run_track)
        state.timers.set(TimerKind.RETRY_DUE, run.run_id, retry_due(run_track, state.now))
        return
    run_track = RunTrack(run, track.job, RunState.STARTING, is_leased=is_leased)
    take_room(state, track, run_track)
    keep(state, track, run_track)


def _recognize(state: SchedulerState, event: Configured) -> None:
    """Renew the leases of runs that the supervisor held when the daemon started, and that the
    shared store, which was away then, knows now."""
    active = (*event.orphans, *(run for memory in event.memories.values() for run in memory.active))
    leased = (run.run_id for run in active if run.lease_until is not None)
    met = [state.runs[run_id] for run_id in leased if run_id in state.runs]
    strange = [one for one in met if not (one.is_leased and one.job.command.argv)]
    for run_track in strange:
        track = state.tracks[run_track.run.job]
        run_track.job, run_track.is_leased = track.job, True
        if run_track.state is not RunState.BACKOFF:
            state.room.release(run_track.need)
            take_room(state, track, run_track)  # now it is known what it may take
    if strange:
        renew(state)


def _compare(
    state: SchedulerState,
    run_track: RunTrack,
    held: HeldRun | None,
    since: datetime | None,
    now: datetime,
) -> None:
    """Find out what became of a run that should have a process."""
    if run_track.state is RunState.BACKOFF:
        return
    is_behind = held is not None and held.run.attempt < run_track.run.attempt
    if is_behind or not run_track.is_sent:
        send(state, run_track)  # it never got there
    elif held is None and _was_never_executed(run_track.run, since, now):
        _send_late(state, run_track, now)
    elif held is None:
        lost(state, run_track, _LOST, now)


def _was_never_executed(run: ActiveRun, since: datetime | None, now: datetime) -> bool:
    """Whether the daemon died after the store's grant and before it could order the start.

    A supervisor that was there all the time would hold the run otherwise: it forgets only
    what the store has as ended. A grant in the future is one by a clock that was wrong.
    """
    return since is not None and run.attempt == 1 and since < run.claimed_at <= now


def _send_late(state: SchedulerState, run_track: RunTrack, now: datetime) -> None:
    """Start a run whose start was never ordered, unless that was too long ago to catch up on."""
    job = run_track.job
    window = job.catchup_window if job.catchup is not Catchup.NONE else timedelta(0)
    if now - run_track.run.claimed_at <= max(window, start_deadline(job, now)):
        send(state, run_track)
    else:
        lost(state, run_track, "the daemon died before it could start it, too long ago", now)


def _resume(state: SchedulerState, held: HeldRun, now: datetime) -> None:
    run_track = state.runs.get(held.run.run_id)
    if run_track is None:
        # The store lost it (a full disk), or its job has gone: the processes are real all the same.
        track = state.tracks.get(held.run.job) or _ghost(state, held.run.job, now)
        _take_back(state, track, held.run)
        run_track = state.runs[held.run.run_id]
        run_track.is_canceled = held.has_ended  # perhaps for good, and long ago: no further attempt
        if state.is_shared(track.job):
            _give_up(state, run_track, held, now)
    if held.run.attempt < run_track.run.attempt:
        return  # the end of this attempt had been recorded; the supervisor just was not told
    if held.run.attempt > run_track.run.attempt:
        _begun_unseen(state, run_track, held.run)
    elif run_track.state is RunState.BACKOFF:
        return  # the same
    if held.start_error:
        not_started(state, run_track, held.start_error, now)
        return
    if run_track.state is RunState.STARTING and held.started_at is not None:
        started(run_track, held.started_at)
    if held.exit is not None:
        attempt_ended(state, run_track, _end_of(held, held.exit, now))


def _give_up(state: SchedulerState, run_track: RunTrack, held: HeldRun, now: datetime) -> None:
    """Let go of a run whose lease ran out while no daemon was here: the shared store has it as
    ended, or as another node's. It gets no further attempt here, and its end is a note."""
    run_track.is_leased = run_track.is_canceled = True
    if not held.has_ended:
        stop(state, run_track, StopCause.TRUST, now)


def _end_of(held: HeldRun, exit_: Exit, now: datetime) -> AttemptEnded:
    at, matched, trouble = held.ended_at or now, held.matched_failure, held.search_trouble
    return AttemptEnded(held.run.run_id, exit_, at, matched, trouble)


def _begun_unseen(state: SchedulerState, run_track: RunTrack, run: ActiveRun) -> None:
    """Go on from an attempt that was started while nobody could write that down any more."""
    run_track.run = run
    if run_track.state is RunState.BACKOFF:
        leave_backoff(state, run.run_id)
        take_room(state, state.tracks[run.job], run_track)
        run_track.state = advance(run_track.state, RunEvent.RETRY_DUE)


def _ghost(state: SchedulerState, name: str, now: datetime) -> JobTrack:
    """Return a track for a job that has left and still has a run, or whose store is silent yet."""
    job, known = Job(name, Command(()), enabled=False), state.unreached.get(name)
    if known is not None:  # what its run may take of the node is known
        needs = known.expected_memory_bytes
        job = replace(job, limits=known.limits, expected_memory_bytes=needs)
    track = JobTrack(job, JobMemory(name, settled_until=now), cursor=now, is_removed=True)
    return state.tracks.setdefault(name, track)


def _remove(state: SchedulerState, track: JobTrack) -> None:
    track.is_removed = True
    state.spread.leave(track.job.name)
    _waiting_in_vain(state, track, "its job was removed by a reload")
    for kind in (TimerKind.TICK_DUE, TimerKind.PAUSE_ENDS, TimerKind.BACKLOG_TOO_OLD):
        state.timers.cancel(kind, track.job.name)
    forget_if_gone(state, track)


def _waiting_in_vain(
    state: SchedulerState, track: JobTrack, why: str, *, ticks_only: bool = False
) -> None:
    """Settle what still waits, with the reason that held it."""
    owed, track.backlog = track.backlog, []
    for ticks in owed:
        state.skip(track, ticks, SkipReason.MISFIRE, why)
    for candidate in tuple(track.open.values()):
        is_wanted = ticks_only and candidate.request.fire_time is None
        if not is_wanted and not state.is_asked_for(candidate):
            reason = candidate.held_longest_by(state.now) or SkipReason.DEADLINE
            drop(state, candidate, reason, why)
