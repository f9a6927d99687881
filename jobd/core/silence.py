"""Silence: claims that the store did not answer. It may have granted them all the same.

Such a candidate keeps its place and is given up by nothing: not by a pause, a reload, a full
node or its deadline. The claim is repeated under the same run id until there is an answer;
a grant that was lost is found again by it. Past its deadline the tick is to be skipped, not
started; the ledger refuses that skip exactly if the tick had been granted.
"""

from datetime import datetime, timedelta

from jobd.core.dismissal import close
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.state import Candidate, SchedulerState
from jobd.core.timers import TimerKind

STORE_RETRY = timedelta(seconds=1)  # after a claim that the store did not answer
STORE_RETRY_KEY = "store"


def unanswered(state: SchedulerState, run_id: str, now: datetime) -> None:
    """Keep a candidate whose claim the store did not answer, to ask again."""
    candidate = state.claiming.pop(run_id, None)
    if candidate is not None:
        candidate.hold(SkipReason.STORE_DOWN, now)
        state.store_down[candidate.key] = candidate
        state.timers.set(TimerKind.STORE_RETRY, STORE_RETRY_KEY, now + STORE_RETRY)


def ask_again(state: SchedulerState, now: datetime) -> None:
    """Repeat the claims that are open; skip those that have become too late."""
    again, state.store_down = state.store_down, {}
    for candidate in again.values():
        is_late = candidate.deadline is not None and now > candidate.deadline
        if is_late and not candidate.is_skip_refused:
            _try_to_skip(state, candidate)
        else:
            _repeat(state, candidate)


def skip_recorded(state: SchedulerState, skip: Skip) -> None:
    """Let a tick go that the ledger took as skipped; ask for one that it refused."""
    candidate = state.doubtful.pop((skip.ticks.job, skip.ticks.first), None)
    if candidate is None:
        return
    if skip.ticks.count == 0:
        candidate.is_skip_refused = True
        _repeat(state, candidate)
        return
    state.room.release(candidate.need)
    close(state, state.tracks[candidate.job.name], candidate)


def _try_to_skip(state: SchedulerState, candidate: Candidate) -> None:
    fire_time = candidate.request.fire_time
    assert fire_time is not None, "only ticks have a deadline"
    name = candidate.job.name
    state.doubtful[name, fire_time] = candidate
    ticks = TickRange(name, fire_time, fire_time, 1)
    words = "the store did not answer before its start_deadline"
    state.skip(state.tracks[name], ticks, SkipReason.STORE_DOWN, words)


def _repeat(state: SchedulerState, candidate: Candidate) -> None:
    state.claiming[candidate.key] = candidate
    state.claim(state.tracks[candidate.job.name], candidate)
