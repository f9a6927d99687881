"""Wishes: which ticks an operator does not want here: a job is paused, or just its next tick
is to be skipped, or the node is drained."""

from datetime import datetime

from jobd.core.claim import Pause
from jobd.core.effects import SaveSkipNext
from jobd.core.ledger import SkipReason
from jobd.core.state import Candidate, JobTrack, SchedulerState


def why_unwanted(
    state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime
) -> tuple[SkipReason, str] | None:
    """Return for what reason this tick is skipped, and who wants that; None: it is wanted.

    Runs by hand always are, once they have been accepted. A wish for just the next tick of a
    job of the cluster is fulfilled by the store, with the claim: it may have been replaced by
    another since this node heard of it, and that one must not be forgotten.
    """
    if candidate.request.fire_time is None:
        return None
    if track.memory.skip_next is not None and state.is_shared(track.job):
        return None
    by_wish = _fulfil_skip_next(state, track, candidate.request.fire_time)
    pause = track.pause(now)
    words = pause_words(pause) if pause is not None else by_wish
    if words:
        return SkipReason.PAUSED, words
    if state.drain is not None and not state.is_shared(track.job):
        return SkipReason.DRAINING, drain_words(state.drain)
    return None


def pause_words(pause: Pause) -> str:
    """Return who paused a job and why."""
    return _told(f"paused by {pause.by}", pause.reason)


def drain_words(drain: Pause) -> str:
    """Return who drained this node and why."""
    return _told(f"drained by {drain.by}", drain.reason)


def skip_next_words(wish: Pause) -> str:
    """Return who wanted a job's next tick skipped, and why."""
    return _told(f"skip-next by {wish.by}", wish.reason)


def _fulfil_skip_next(state: SchedulerState, track: JobTrack, fire_time: datetime) -> str:
    """Forget the wish to skip a tick once that tick, or a later one, is here; return the
    reason for its skip, or ""."""
    wish = track.memory.skip_next
    if wish is None or (wish.until is not None and fire_time < wish.until):
        return ""
    track.remember(skip_next=None)
    state.emit(SaveSkipNext(track.job.name, None, wish.by))
    is_meant = wish.until is None or fire_time == wish.until
    return skip_next_words(wish) if is_meant else ""


def _told(what: str, reason: str) -> str:
    return f"{what}: {reason}" if reason else what
