"""Dismissal: a candidate is let go of, and whoever asked for it is answered."""

from jobd.core.claim import ActiveRun
from jobd.core.effects import Accepted, Refused
from jobd.core.ledger import SkipReason, TickRange
from jobd.core.state import Candidate, JobTrack, SchedulerState
from jobd.core.timers import TimerKind


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


def reply(state: SchedulerState, candidate: Candidate, message: str) -> None:
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
