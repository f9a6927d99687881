"""Draining: this node starts nothing new; what runs goes on to its end, retries included."""

from datetime import datetime

from jobd.core.claim import Pause
from jobd.core.dismissal import drop, leave_lines
from jobd.core.effects import Accepted, SaveDrain
from jobd.core.events import DrainAsked
from jobd.core.ledger import SkipReason
from jobd.core.state import Candidate, SchedulerState
from jobd.core.turns import await_turn, start_over
from jobd.core.wishes import drain_words


def drain(state: SchedulerState, asked: DrainAsked, now: datetime) -> None:
    """Drain this node, or let it start runs again."""
    wanted = Pause(asked.by, now, asked.reason) if asked.is_on else None
    message = _words(state.drain, wanted)
    if (wanted is None) != (state.drain is None):
        state.drain = wanted
        state.emit(SaveDrain(wanted, asked.by))
        if wanted is None:
            start_over(state, now)
        else:
            for candidate in _waiting(state):
                _pass_on(state, candidate, wanted, now)
    state.emit(Accepted(asked.request_id, message=message))


def _words(before: Pause | None, wanted: Pause | None) -> str:
    if wanted is None:
        return "this node starts runs again" if before is not None else "it was not drained"
    return "nothing new starts here" if before is None else "it was drained already"


def _waiting(state: SchedulerState) -> list[Candidate]:
    """Return those who wait here and have not been asked for: no lease is given up."""
    everybody = (c for track in state.tracks.values() for c in track.open.values())
    return [c for c in everybody if c.held_by is not None and not state.is_asked_for(c)]


def _pass_on(state: SchedulerState, candidate: Candidate, wanted: Pause, now: datetime) -> None:
    """Leave a tick to the other nodes; where there are none, skip it."""
    track = state.tracks[candidate.job.name]
    if candidate.request.fire_time is None or not state.is_shared(candidate.job):
        drop(state, candidate, SkipReason.DRAINING, drain_words(wanted))
        return
    leave_lines(state, track, candidate)
    candidate.held_by = None
    await_turn(state, track, candidate, now)
