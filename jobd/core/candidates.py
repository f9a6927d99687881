"""Candidates: ticks, manual wishes and retries on their way to a run.

A tick can be stopped on its way by a pause, by an overlap or the duty, or by want of room,
looked at in this order; what the store answers to the claim comes last and counts most.
"""

from datetime import datetime

from jobd.core import overlap, pools
from jobd.core.claim import ActiveRun, ClaimDenied, ClaimGranted, ClaimRequest, Demand
from jobd.core.cluster import StopAsked
from jobd.core.effects import Accepted, Refused, StopElsewhere
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason, TickRange
from jobd.core.outcome import StopCause
from jobd.core.overlap import Fate, Obstacle
from jobd.core.runs import begin, begin_retry, stop
from jobd.core.state import Candidate, JobTrack, RunTrack, SchedulerState
from jobd.core.timers import TimerKind
from jobd.core.wishes import why_unwanted


def consider(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> None:
    """Send a candidate on: skipped, waiting, or asked for at the store."""
    if candidate.retry_of is not None:
        _admit(state, track, candidate)
        return
    refusal = why_unwanted(state, track, candidate, now)
    if refusal is not None:
        drop(state, candidate, *refusal)
        return
    if state.store_down and _is_behind_silent_store(state, track, candidate):
        drop(state, candidate, SkipReason.STORE_DOWN, "the store has not answered for a prior tick")
        return
    in_the_way = _obstacle(track, candidate, now)
    if in_the_way is not None:
        _meet(state, track, candidate, in_the_way, now)
    else:
        _admit(state, track, candidate)


def granted(state: SchedulerState, answer: ClaimGranted, sent_s: float | None = None) -> None:
    """Start the run that the store granted. ``sent_s``: see ClaimsDecided."""
    candidate = _answered(state, answer.request.run_id)
    if candidate is None:
        return  # an answer to a claim that was repeated, and answered, before
    track = state.tracks[candidate.job.name]
    close(state, track, candidate)
    if answer.request.run_id in state.runs:
        state.room.release()  # taken over here since: it goes on as that
        return
    is_wanted = not candidate.is_canceled and not state.is_grace_over
    run_track = begin(state, track, candidate.job, answer, sent_s, is_sent=is_wanted)
    _reply(state, candidate, "started")
    if not is_wanted:
        cause = StopCause.CANCEL if candidate.is_canceled else StopCause.SHUTDOWN
        stop(state, run_track, cause, state.now)


def denied(state: SchedulerState, answer: ClaimDenied, now: datetime) -> None:
    """Let go of a tick that is settled, or let it wait where its job's policy says so."""
    candidate = _answered(state, answer.request.run_id)
    if candidate is None:
        return
    state.room.release()
    track = state.tracks[candidate.job.name]
    if answer.settled or answer.reason is None:
        _settled(state, track, candidate, now)
        return
    _meet(state, track, candidate, Obstacle(answer.reason, answer.blocker, answer.until), now)
    if answer.blocker is not None and answer.blocker.run_id == track.ended_run:
        state.touched.append(track)  # it has ended since the store looked: ask again


def retry(state: SchedulerState, run_track: RunTrack, now: datetime) -> None:
    """Send a run's next attempt on; it has its lease, and needs a place only."""
    run = run_track.run
    request = ClaimRequest(
        run.run_id, run.job, run.fire_time, run.trigger, Demand(run_track.job.overlap)
    )
    candidate = Candidate(run_track.job, request, due=now, retry_of=run_track)
    consider(state, state.tracks[run.job], candidate, now)


def drop(
    state: SchedulerState,
    candidate: Candidate,
    reason: SkipReason,
    detail: str = "",
    blocker: ActiveRun | None = None,
) -> None:
    """Give a candidate up: a tick is settled as skipped, an operator gets an answer."""
    track = state.tracks[candidate.job.name]
    close(state, track, candidate)
    _refuse(state, candidate, reason, detail, blocker)
    fire_time = candidate.request.fire_time
    if fire_time is not None:
        ticks = TickRange(candidate.job.name, fire_time, fire_time, 1)
        state.skip(track, ticks, reason, detail, candidate.blocker)


def put_back(state: SchedulerState, candidate: Candidate) -> None:
    """Let go of a tick that waits and, since the clock was set back, has still to come.

    One that was asked for may have been granted; the store's answer decides it.
    """
    if state.is_asked_for(candidate):
        candidate.is_skip_void = True
        return
    track = state.tracks[candidate.job.name]
    close(state, track, candidate)
    track.is_count_open = False  # nothing was decided


def close(state: SchedulerState, track: JobTrack, candidate: Candidate) -> None:
    """Take a candidate out of everything that it may stand in."""
    track.open.pop(candidate.key, None)
    state.touched.append(track)
    if candidate.request.fire_time is not None:
        track.counts_from = state.now
        track.is_count_open = state.neighbours is not None and state.is_shared(track.job)
    if candidate.held_by is not None:  # most are never held, and stand in no line
        leave_lines(state, track, candidate)
    if state.neighbours is not None:
        _leave_turn(state, candidate.key)


def leave_lines(state: SchedulerState, track: JobTrack, candidate: Candidate) -> None:
    """Let a candidate wait for nothing any more."""
    key = candidate.key
    if track.queued is candidate:
        track.queued = None
    state.queued.pop(key, None)
    state.waiting.leave(candidate)
    state.timers.cancel(TimerKind.START_DEADLINE, key)
    state.wait_for_pool.pop(key, None)


def _leave_turn(state: SchedulerState, key: str) -> None:
    state.asking.pop(key, None)
    if state.turns.pop(key, None) is not None:
        state.timers.cancel(TimerKind.TURN, key)


def _settled(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> None:
    """Let go of a tick that the store says is decided, unless that is void by the next effect
    and the tick has come again, by the right clock, while the answer was on its way."""
    fire_time = candidate.request.fire_time
    if candidate.is_skip_void and fire_time is not None and fire_time <= now:
        candidate.is_skip_void = False
        consider(state, track, candidate, now)
    else:
        close(state, track, candidate)


def _obstacle(track: JobTrack, candidate: Candidate, now: datetime) -> Obstacle | None:
    """Return what this node knows to be in the way.

    Of a tick that may have been decided before (it comes again after a restart, or after the
    clock was set back) only the store can tell: it must not replace or count anything here.
    """
    fire_time = candidate.request.fire_time
    if fire_time is not None and fire_time <= track.maybe_decided_until:
        return None
    if not track.runs and track.memory.rest_until is None:
        return None
    return overlap.obstacle(candidate.request.demand, track.active(), track.memory.rest_until, now)


def _is_behind_silent_store(state: SchedulerState, track: JobTrack, candidate: Candidate) -> bool:
    if not (state.store_down or state.doubtful) or track.job.overlap is Overlap.ALLOW:
        return False
    others = (other for other in track.open.values() if other is not candidate)
    return any(other.held_by is SkipReason.STORE_DOWN for other in others)


def _meet(
    state: SchedulerState, track: JobTrack, candidate: Candidate, met: Obstacle, now: datetime
) -> None:
    """Decide what becomes of a candidate that may not run beside, or so soon after, another."""
    candidate.held_by = met.reason
    candidate.blocker = met.blocker.run_id if met.blocker is not None else None
    if met.reason is SkipReason.POOL:
        _wait_for_pool(state, candidate)
        return
    becomes = overlap.fate(candidate.job.overlap, met.reason)
    if becomes is Fate.SKIPPED and not candidate.may_queue:
        detail = f"max_duty: rests until {met.until:%Y-%m-%dT%H:%M:%SZ}" if met.until else ""
        drop(state, candidate, met.reason, detail, met.blocker)
        return
    _queue_up(state, track, candidate, met, is_newest_kept=becomes is Fate.REPLACES)
    if becomes is Fate.REPLACES:
        _stop_for(state, track, met.blocker, now)


def _stop_for(
    state: SchedulerState, track: JobTrack, blocker: ActiveRun | None, now: datetime
) -> None:
    """Stop what is in the way of a run that replaces it, on whichever node that is."""
    for run in tuple(track.runs.values()):
        stop(state, run, StopCause.REPLACE, now)
    if blocker is not None and blocker.node != state.node:
        state.emit(StopElsewhere((StopAsked(blocker.run_id, StopCause.REPLACE),)))


def _queue_up(
    state: SchedulerState,
    track: JobTrack,
    candidate: Candidate,
    met: Obstacle,
    *,
    is_newest_kept: bool,
) -> None:
    """Let one candidate wait for the prior run's end; of two, one is skipped."""
    rival = track.queued
    if rival is not None and not (is_newest_kept and rival.may_be_turned_away):
        drop(state, candidate, met.reason, "another tick waits already", met.blocker)
        return
    if rival is not None:
        drop(state, rival, met.reason, "a later tick took its place", met.blocker)
    track.queued = state.queued[candidate.key] = candidate
    _set_deadline(state, candidate)
    _reply(state, candidate, f"waits for the end of run {candidate.blocker}")


def _admit(state: SchedulerState, track: JobTrack, candidate: Candidate) -> None:
    was_held = candidate.held_by is not None
    candidate.blocker = None
    if candidate.job.pool is not None and not pools.has_room(state, candidate):
        candidate.held_by = SkipReason.POOL
        _wait_for_pool(state, candidate)
        return
    candidate.held_by = state.room.obstacle()
    if candidate.held_by is None and state.waiting and state.waiting.goes_before(candidate):
        candidate.held_by = SkipReason.MAX_RUNNING  # a place has just come free, for another
    if candidate.held_by is not None:
        _wait_for_room(state, candidate)
        return
    state.room.take()
    if was_held:
        state.timers.cancel(TimerKind.START_DEADLINE, candidate.key)
    if candidate.retry_of is not None:
        close(state, track, candidate)
        begin_retry(state, candidate.retry_of)
        return
    state.claiming[candidate.key] = candidate
    state.claim(track, candidate)


def _wait_for_room(state: SchedulerState, candidate: Candidate) -> None:
    _set_deadline(state, candidate)
    turned_away = state.waiting.enter(candidate)
    if turned_away is not candidate:
        _reply(state, candidate, f"waits for room: {state.room.words()}")
    if turned_away is not None:
        drop(state, turned_away, SkipReason.BACKLOG, f"{state.waiting.size} wait already")


def _wait_for_pool(state: SchedulerState, candidate: Candidate) -> None:
    state.wait_for_pool[candidate.key] = candidate
    _set_deadline(state, candidate)
    pool = candidate.job.pool
    _reply(state, candidate, f"waits for room in pool {pool.name if pool is not None else ''}")


def _set_deadline(state: SchedulerState, candidate: Candidate) -> None:
    if candidate.deadline is not None:
        state.timers.set(TimerKind.START_DEADLINE, candidate.key, candidate.deadline)


def _answered(state: SchedulerState, run_id: str) -> Candidate | None:
    return state.claiming.pop(run_id, None)


def _reply(state: SchedulerState, candidate: Candidate, message: str) -> None:
    """Answer the operator, if one waits; once."""
    if candidate.request_id is not None:
        run_ids = (candidate.request.run_id,)
        state.emit(Accepted(candidate.request_id, run_ids, message))
        candidate.request_id = None


def _refuse(
    state: SchedulerState,
    candidate: Candidate,
    reason: SkipReason,
    detail: str,
    blocker: ActiveRun | None,
) -> None:
    if candidate.request_id is None:
        return
    what = f"{candidate.job.name} cannot start now ({reason.value})"
    words = f"{what}: {detail}" if detail else what
    state.emit(Refused(candidate.request_id, "busy", words, blocker))
    candidate.request_id = None
