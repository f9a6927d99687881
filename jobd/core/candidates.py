"""Candidates: ticks, manual wishes and retries on their way to a run.

A tick can be stopped on its way by a pause, by an overlap or the duty, or by want of room,
looked at in this order; what the store answers to the claim comes last and counts most.
"""

from datetime import datetime, timedelta

from jobd.core import overlap
from jobd.core.claim import ActiveRun, ClaimDenied, ClaimGranted, ClaimRequest, Demand, Trigger
from jobd.core.effects import Accepted, Refused, SaveSkipNext
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason, TickRange
from jobd.core.outcome import StopCause
from jobd.core.overlap import Fate, Obstacle
from jobd.core.runs import begin, begin_retry, stop
from jobd.core.state import Candidate, JobTrack, RunTrack, SchedulerState
from jobd.core.timers import TimerKind

STORE_RETRY = timedelta(seconds=1)  # after a claim that the store did not answer


def consider(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> None:
    """Send a candidate on: skipped, waiting, or asked for at the store."""
    if candidate.retry_of is not None:
        _admit(state, track, candidate)
        return
    if candidate.request.trigger is not Trigger.MANUAL and _paused(state, track, candidate, now):
        return
    if _is_behind_silent_store(state, track, candidate):
        drop(state, candidate, SkipReason.STORE_DOWN, "the store has not answered for a prior tick")
        return
    in_the_way = overlap.obstacle(
        candidate.request.demand, track.active(), track.memory.rest_until, now
    )
    if in_the_way is not None:
        _meet(state, track, candidate, in_the_way, now)
    else:
        _admit(state, track, candidate)


def granted(state: SchedulerState, answer: ClaimGranted) -> None:
    """Start the run that the store granted."""
    candidate = _answered(state, answer.request.run_id)
    if candidate is None:
        return  # an answer to a claim that was repeated, and answered, before
    track = state.tracks[candidate.job.name]
    _close(state, track, candidate)
    begin(state, track, candidate.job, answer)
    _reply(state, candidate, "started")


def denied(state: SchedulerState, answer: ClaimDenied, now: datetime) -> None:
    """Let go of a tick that is settled, or let it wait where its job's policy says so."""
    candidate = _answered(state, answer.request.run_id)
    if candidate is None:
        return
    state.room.release()
    track = state.tracks[candidate.job.name]
    if answer.settled or answer.reason is None:
        _close(state, track, candidate)
        return
    _meet(state, track, candidate, Obstacle(answer.reason, answer.blocker, answer.until), now)


def unanswered(state: SchedulerState, run_id: str) -> None:
    """Keep a candidate whose claim the store did not answer, to ask again until it does.

    It must not be given up before: the claim may have been granted, and only its answer lost.
    """
    candidate = _answered(state, run_id)
    if candidate is None:
        return
    state.room.release()
    candidate.held_by = SkipReason.STORE_DOWN
    state.store_down[candidate.key] = candidate


def retry(state: SchedulerState, run_track: RunTrack, now: datetime) -> None:
    """Send a run's next attempt on; it has its lease, and needs a place only."""
    run = run_track.run
    request = ClaimRequest(
        run.run_id, run.job, run.fire_time, run.trigger, Demand(run_track.job.overlap)
    )
    candidate = Candidate(run_track.job, request, due=now, retry_of=run_track)
    consider(state, state.tracks[run.job], candidate, now)


def ask_again(state: SchedulerState, now: datetime) -> None:
    """Repeat the claims that a silent store left open."""
    again, state.store_down = state.store_down, {}
    for candidate in again.values():
        consider(state, state.tracks[candidate.job.name], candidate, now)


def admit_waiting(state: SchedulerState, now: datetime) -> None:
    """Let in as many of those who wait as there is room for, the first in line first."""
    while state.room.obstacle() is None and not state.is_stopping:
        candidate = state.waiting.next()
        if candidate is None:
            return
        consider(state, state.tracks[candidate.job.name], candidate, now)


def prior_run_ended(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    """Send on the candidate that waited for the end of its job's run."""
    candidate, track.queued = track.queued, None
    if candidate is not None:
        consider(state, track, candidate, now)


def too_late(state: SchedulerState, run_id: str) -> None:
    """Skip a tick that could not start in time, with the reason that held it."""
    candidate = _find_waiting(state, run_id)
    if candidate is not None:
        reason = candidate.held_by or SkipReason.DEADLINE
        drop(state, candidate, reason, "could not start before its start_deadline")


def drop(
    state: SchedulerState,
    candidate: Candidate,
    reason: SkipReason,
    detail: str = "",
    blocker: ActiveRun | None = None,
) -> None:
    """Give a candidate up: a tick is settled as skipped, an operator gets an answer."""
    track = state.tracks[candidate.job.name]
    _close(state, track, candidate)
    _refuse(state, candidate, reason, detail, blocker)
    fire_time = candidate.request.fire_time
    if fire_time is not None:
        ticks = TickRange(candidate.job.name, fire_time, fire_time, 1)
        state.skip(track, ticks, reason, detail, candidate.blocker)


def _paused(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> bool:
    pause = track.pause(now)
    if pause is not None:
        drop(state, candidate, SkipReason.PAUSED, f"paused by {pause.by}: {pause.reason}")
        return True
    skip_next = track.memory.skip_next
    if skip_next is None:
        return False
    track.remember(skip_next=None)
    state.emit(SaveSkipNext(candidate.job.name, None, skip_next.by))
    words = f"skip-next by {skip_next.by}: {skip_next.reason}"
    drop(state, candidate, SkipReason.PAUSED, words)
    return True


def _is_behind_silent_store(state: SchedulerState, track: JobTrack, candidate: Candidate) -> bool:
    if not state.store_down or track.job.overlap is Overlap.ALLOW:
        return False
    return any(key in state.store_down for key in track.open if key != candidate.key)


def _meet(
    state: SchedulerState, track: JobTrack, candidate: Candidate, met: Obstacle, now: datetime
) -> None:
    """Decide what becomes of a candidate that may not run beside, or so soon after, another."""
    candidate.held_by = met.reason
    candidate.blocker = met.blocker.run_id if met.blocker is not None else None
    becomes = overlap.fate(candidate.job.overlap, met.reason)
    if becomes is Fate.SKIPPED and not candidate.may_queue:
        detail = f"max_duty: rests until {met.until:%Y-%m-%dT%H:%M:%SZ}" if met.until else ""
        drop(state, candidate, met.reason, detail, met.blocker)
        return
    _queue_up(state, track, candidate, met, is_newest_kept=becomes is Fate.REPLACES)
    if becomes is Fate.REPLACES:
        for run in tuple(track.runs.values()):
            stop(state, run, StopCause.REPLACE, now)


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
    if rival is not None and not is_newest_kept:
        drop(state, candidate, met.reason, "another tick waits already", met.blocker)
        return
    if rival is not None:
        drop(state, rival, met.reason, "a later tick took its place", met.blocker)
    track.queued = candidate
    _set_deadline(state, candidate)
    _reply(state, candidate, f"waits for the end of run {candidate.blocker}")


def _admit(state: SchedulerState, track: JobTrack, candidate: Candidate) -> None:
    candidate.held_by = state.room.obstacle()
    if candidate.held_by is not None:
        _wait_for_room(state, candidate)
        return
    state.room.take()
    candidate.blocker = None
    state.timers.cancel(TimerKind.START_DEADLINE, candidate.key)
    if candidate.retry_of is not None:
        _close(state, track, candidate)
        begin_retry(state, candidate.retry_of)
        return
    state.claiming[candidate.key] = candidate
    state.claim(track, candidate)


def _wait_for_room(state: SchedulerState, candidate: Candidate) -> None:
    _set_deadline(state, candidate)
    turned_away = state.waiting.enter(candidate)
    if turned_away is not candidate:
        _reply(state, candidate, f"waits for room: all {state.room.max_running} places are taken")
    if turned_away is not None:
        drop(state, turned_away, SkipReason.BACKLOG, f"{state.waiting.size} wait already")


def _set_deadline(state: SchedulerState, candidate: Candidate) -> None:
    if candidate.deadline is not None:
        state.timers.set(TimerKind.START_DEADLINE, candidate.key, candidate.deadline)


def _answered(state: SchedulerState, run_id: str) -> Candidate | None:
    return state.claiming.pop(run_id, None)


def _find_waiting(state: SchedulerState, run_id: str) -> Candidate | None:
    waiting = state.waiting.get(run_id)
    if waiting is not None:
        return waiting
    queued = (track.queued for track in state.tracks.values())
    return next((c for c in queued if c is not None and c.key == run_id), None)


def _close(state: SchedulerState, track: JobTrack, candidate: Candidate) -> None:
    """Take a candidate out of everything that it may stand in."""
    track.open.pop(candidate.key, None)
    track.counts_from = state.now
    state.touched.append(track)
    if track.queued is candidate:
        track.queued = None
    state.waiting.leave(candidate)
    state.store_down.pop(candidate.key, None)
    state.timers.cancel(TimerKind.START_DEADLINE, candidate.key)


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
