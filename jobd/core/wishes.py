"""Wishes: which ticks an operator does not want, by a pause or by a skip of just the next one."""

from datetime import datetime

from jobd.core.claim import Pause
from jobd.core.effects import SaveSkipNext
from jobd.core.state import Candidate, JobTrack, SchedulerState


def why_unwanted(
    state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime
) -> str:
    """Return who does not want this tick and why, or "". Runs by hand are always wanted."""
    if candidate.request.fire_time is None:
        return ""
    by_wish = _fulfil_skip_next(state, track, candidate.request.fire_time)
    pause = track.pause(now)
    return pause_words(pause) if pause is not None else by_wish


def pause_words(pause: Pause) -> str:
    """Return who paused a job and why."""
    return _told(f"paused by {pause.by}", pause.reason)


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
