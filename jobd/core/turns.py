"""Turns: when this node may try a tick that any of several nodes may run.

Such a tick is a candidate on every node, until it is decided. The node of rank 0 goes on
with it at once. The others, when their turn comes, look around first: what the store has
decided by then they let go. A node that may not run the job at all waits longest; it only
sees to it that the tick is accounted for when nobody else does.
"""

from datetime import datetime, timedelta

from jobd.core import placement
from jobd.core.candidates import consider
from jobd.core.dismissal import close, drop
from jobd.core.effects import LookAround
from jobd.core.ledger import SkipReason, TickRecord
from jobd.core.needs import need_of
from jobd.core.neighbours import Neighbours
from jobd.core.schedule import AfterSchedule
from jobd.core.state import Candidate, JobTrack, SchedulerState
from jobd.core.timers import TimerKind

_NO_NODE = "no node that may run it was there"
_NO_OTHER = "no other node that may run it was there"
_STORE_DOWN = "the store did not answer before its start_deadline"


def await_turn(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> None:
    """Let a candidate go on at once, or when this node's turn comes."""
    wait = _wait(state, track, candidate, now)
    if wait <= timedelta(0):
        consider(state, track, candidate, now)
        return
    state.turns[candidate.key] = candidate
    state.timers.set(TimerKind.TURN, candidate.key, now + wait)


def turn_has_come(state: SchedulerState, key: str) -> None:
    """Find out whether the tick is decided before this node tries it."""
    candidate = state.turns.pop(key, None)
    if candidate is not None:
        state.asking[key] = candidate
        state.emit(LookAround())


def close_decided(state: SchedulerState, decided: tuple[TickRecord, ...]) -> None:
    """Let go of what other nodes, or this one before, have decided."""
    for record in decided:
        track = state.tracks.get(record.ticks.job)
        if track is not None and state.is_shared(track.job):
            _let_go(state, track, record)


def go_on(state: SchedulerState, now: datetime) -> None:
    """Send on those whose ticks the others have left undecided."""
    asking, state.asking = state.asking, {}
    for candidate in asking.values():
        if not state.is_stopping:
            _go_on(state, candidate, now)


def start_over(state: SchedulerState, now: datetime) -> None:
    """Find out anew when it is this node's turn: it may start runs again."""
    waiting, state.turns = state.turns, {}
    for candidate in waiting.values():
        state.timers.cancel(TimerKind.TURN, candidate.key)
        await_turn(state, state.tracks[candidate.job.name], candidate, now)


def _go_on(state: SchedulerState, candidate: Candidate, now: datetime) -> None:
    track, is_late = state.tracks[candidate.job.name], now >= _deadline(candidate)
    if is_late and _neighbours(state).was_silent_at(_deadline(candidate)):
        drop(state, candidate, SkipReason.STORE_DOWN, _STORE_DOWN)
    elif _is_able(state, track):
        consider(state, track, candidate, now)
    elif is_late:
        drop(state, candidate, *_why_not_here(state, track))
    else:
        await_turn(state, track, candidate, now)  # drained since: the others have until then


def _is_able(state: SchedulerState, track: JobTrack) -> bool:
    """Return whether this node may start a job at all, and could bear it."""
    is_wanted = state.drain is None and _neighbours(state).is_home_of(track.job)
    return is_wanted and state.room.could_bear(need_of(state, track, track.job).memory_bytes)


def _why_not_here(state: SchedulerState, track: JobTrack) -> tuple[SkipReason, str]:
    """Return why this node did not start a tick that no other has started either."""
    if not _neighbours(state).is_home_of(track.job):
        return SkipReason.NO_NODE, _NO_NODE
    if state.drain is not None:
        return SkipReason.DRAINING, _NO_OTHER
    need = need_of(state, track, track.job)
    return SkipReason.MEMORY_BUDGET, f"{state.room.too_small_words(need)}; {_NO_OTHER}"


def _wait(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> timedelta:
    job, neighbours = track.job, _neighbours(state)
    if _is_able(state, track):
        place = placement.rank(job.name, state.node, neighbours.eligible(job))
        return placement.delay(place, state.room.load)
    place = placement.rank(job.name, state.node, neighbours.eligible(None))
    return max(_deadline(candidate) - now, timedelta(0)) + (place + 1) * placement.STEP


def _deadline(candidate: Candidate) -> datetime:
    assert candidate.deadline is not None, "every tick has a deadline"
    return candidate.deadline


def _neighbours(state: SchedulerState) -> Neighbours:
    assert state.neighbours is not None, "there is no turn to wait for without neighbours"
    return state.neighbours


def _let_go(state: SchedulerState, track: JobTrack, record: TickRecord) -> None:
    """Close the candidates that a row of the ledger is about, but for those whose claim is
    under way: its answer says the same, and whose run it became."""
    first, last = record.ticks.first, record.ticks.last
    for candidate in tuple(track.open.values()):
        fire_time = candidate.request.fire_time
        is_meant = fire_time is not None and first <= fire_time <= last
        if is_meant and not state.is_asked_for(candidate):
            close(state, track, candidate)
    if isinstance(track.job.schedule, AfterSchedule) and _counts(track, record):
        track.count_from(record.decided_at)
        state.touched.append(track)


def _counts(track: JobTrack, record: TickRecord) -> bool:
    """Whether an `after` counts from a skip: views tell for seconds of what was decided, and
    what came since must not be counted back behind."""
    if record.reason is None:
        return False  # it counts from the end of the run
    if track.is_count_open:
        return record.ticks.last >= track.cursor
    return track.counts_from is None or record.decided_at > track.counts_from
