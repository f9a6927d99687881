"""Candidates: ticks, manual wishes and retries on their way to a run.

A tick can be stopped on its way by a pause, by an overlap or the duty, or by want of room,
looked at in this order; what the store answers to the claim comes last and counts most.
"""

from datetime import datetime

from jobd.core import overlap
from jobd.core.admit import admit, set_deadline, wait_for_pool
from jobd.core.claim import ActiveRun, ClaimDenied, ClaimGranted, ClaimRequest, Demand
from jobd.core.cluster import StopAsked
from jobd.core.dismissal import close, drop, reply
from jobd.core.effects import StopElsewhere
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason
from jobd.core.outcome import StopCause
from jobd.core.overlap import Fate, Obstacle
from jobd.core.runs import begin, stop
from jobd.core.state import (
    Candidate,
    JobTrack,
    RunTrack,
    SchedulerState,
)
from jobd.core.wishes import why_unwanted


def consider(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> None:
    """Send a candidate on: skipped, waiting, or asked for at the store."""
    if candidate.retry_of is not None:
        admit(state, track, candidate, now)
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
        admit(state, track, candidate, now)


def granted(state: SchedulerState, answer: ClaimGranted, sent_s: float | None = None) -> None:
    """Start the run that the store granted. ``sent_s``: see ClaimsDecided."""
    candidate = _answered(state, answer.request.run_id)
    if candidate is None:
        return  # an answer to a claim that was repeated, and answered, before
    track = state.tracks[candidate.job.name]
    close(state, track, candidate)
    if answer.request.run_id in state.runs:
        state.room.release(candidate.need)  # taken over here since: it goes on as that
        return
    is_wanted = not candidate.is_canceled and not state.is_grace_over
    need = candidate.need
    run_track = begin(state, track, candidate.job, answer, sent_s, need, is_sent=is_wanted)
    reply(state, candidate, "started")
    if not is_wanted:
        cause = StopCause.CANCEL if candidate.is_canceled else StopCause.SHUTDOWN
        stop(state, run_track, cause, state.now)


def denied(state: SchedulerState, answer: ClaimDenied, now: datetime) -> None:
    """Let go of a tick that is settled, or let it wait where its job's policy says so."""
    candidate = _answered(state, answer.request.run_id)
    if candidate is None:
        return
    state.room.release(candidate.need)
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
    candidate.hold(met.reason, now)
    candidate.blocker = met.blocker.run_id if met.blocker is not None else None
    if met.reason is SkipReason.POOL:
        wait_for_pool(state, candidate)
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
    set_deadline(state, candidate)
    reply(state, candidate, f"waits for the end of run {candidate.blocker}")


def _answered(state: SchedulerState, run_id: str) -> Candidate | None:
    return state.claiming.pop(run_id, None)
