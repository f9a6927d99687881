"""Waiting: candidates that could not start at once go on, in order, or become too late."""

from datetime import datetime

from jobd.core import pools
from jobd.core.candidates import consider
from jobd.core.dismissal import drop
from jobd.core.ledger import SkipReason
from jobd.core.state import Candidate, JobTrack, SchedulerState


def admit_waiting(state: SchedulerState, now: datetime) -> None:
    """Let in as many of those who wait as there is room for, the first in line first."""
    if not state.waiting or state.is_stopping or state.room.is_full:
        return
    while (candidate := state.waiting.next(state.room.opening(), now)) is not None:
        consider(state, state.tracks[candidate.job.name], candidate, now)


def room_has_changed(state: SchedulerState, now: datetime) -> None:
    """Look anew at all who wait for room: some may need more by now than there will ever be."""
    for candidate in state.waiting.in_order() if not state.is_stopping else ():
        state.waiting.leave(candidate)
        consider(state, state.tracks[candidate.job.name], candidate, now)


def prior_run_ended(state: SchedulerState, track: JobTrack, now: datetime) -> None:
    """Send on the candidate that waited for the end of its job's run."""
    candidate, track.queued = track.queued, None
    if candidate is not None:
        del state.queued[candidate.key]
        consider(state, track, candidate, now)


def pool_has_changed(state: SchedulerState, now: datetime) -> None:
    """Send on those who waited for a pool and find room in it now, in order."""
    for candidate in pools.in_line(state) if not state.is_stopping else ():
        if pools.has_room(state, candidate):
            del state.wait_for_pool[candidate.key]
            consider(state, state.tracks[candidate.job.name], candidate, now)


def too_late(state: SchedulerState, run_id: str) -> None:
    """Skip a tick that could not start in time, with the reason that held it."""
    candidate = _find_waiting(state, run_id)
    if candidate is not None:
        reason = candidate.held_longest_by(state.now) or SkipReason.DEADLINE
        drop(state, candidate, reason, _late_words(state, candidate))


def _late_words(state: SchedulerState, candidate: Candidate) -> str:
    """Return why a tick is too late, with what holds it now if it waits for room."""
    words = "could not start before its start_deadline"
    if candidate not in state.waiting:
        return words
    return f"{words}: {state.room.words(candidate.need)}"


def _find_waiting(state: SchedulerState, run_id: str) -> Candidate | None:
    waiting = state.waiting.get(run_id) or state.queued.get(run_id)
    return waiting or state.wait_for_pool.get(run_id)
