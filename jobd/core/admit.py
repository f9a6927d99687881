"""Admit: a candidate that nothing of its job is in the way of gets room, or waits for it."""

from datetime import datetime

from jobd.core import pools
from jobd.core.admission import Need
from jobd.core.claim import Trigger
from jobd.core.dismissal import close, drop, reply
from jobd.core.ledger import SkipReason
from jobd.core.needs import need_of
from jobd.core.runs import begin_retry
from jobd.core.state import NEVER, Candidate, JobTrack, SchedulerState, start_deadline
from jobd.core.timers import TimerKind


def admit(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> None:
    """Claim its run, or start its next attempt, if there is room; else let it wait for some."""
    candidate.blocker = None
    if candidate.job.pool is not None and not pools.has_room(state, candidate):
        candidate.hold(SkipReason.POOL, now)
        wait_for_pool(state, candidate)
        return
    candidate.need = need_of(state, track, candidate.job)
    if candidate.retry_of is not None:
        candidate.need = _within_budget(state, candidate.need)
    reason = _why_no_room(state, candidate, now)
    if reason is None:
        _go_on(state, track, candidate, now)
    elif state.room.could_bear(candidate.need.memory_bytes):
        candidate.hold(reason, now)
        _wait_for_room(state, candidate, now)
    else:
        words = state.room.too_small_words(candidate.need)
        drop(state, candidate, SkipReason.MEMORY_BUDGET, words)


def _go_on(state: SchedulerState, track: JobTrack, candidate: Candidate, now: datetime) -> None:
    state.room.take(candidate.need)
    if candidate.held_by is not None:
        candidate.hold(None, now)
        state.timers.cancel(TimerKind.START_DEADLINE, candidate.key)
    if candidate.retry_of is not None:
        close(state, track, candidate)
        begin_retry(state, candidate.retry_of, candidate.need)
        return
    state.claiming[candidate.key] = candidate
    state.claim(track, candidate)


def _within_budget(state: SchedulerState, need: Need) -> Need:
    """Return what a retry reserves. It has its lease: a budget that was made smaller since must
    not keep it waiting for ever."""
    budget = state.room.memory_budget_bytes
    if budget is None:
        return need
    return need._replace(memory_bytes=min(need.memory_bytes, budget))


def _why_no_room(state: SchedulerState, candidate: Candidate, now: datetime) -> SkipReason | None:
    reason = state.room.obstacle(candidate.need)
    if reason is not None or not state.waiting:
        return reason
    before = state.waiting.stands_before(candidate, state.room.opening(), now)
    return None if before is None else before.held_by  # what has just come free is another's


def _wait_for_room(state: SchedulerState, candidate: Candidate, now: datetime) -> None:
    set_deadline(state, candidate)
    if candidate.ages_at is NEVER:
        candidate.ages_at = _ages_at(candidate, now)
    turned_away = state.waiting.enter(candidate)
    if turned_away is not candidate and candidate.request_id is not None:
        reply(state, candidate, f"waits for room: {state.room.words(candidate.need)}")
    if turned_away is not None:
        drop(state, turned_away, SkipReason.BACKLOG, f"{state.waiting.size} wait already")


def _ages_at(candidate: Candidate, now: datetime) -> datetime:
    """Return when it has waited for half of its window: that of a tick on time began when it
    was due, that of all others begins now."""
    is_on_time = candidate.request.trigger is Trigger.SCHEDULE and candidate.retry_of is None
    if is_on_time and candidate.deadline is not None:
        return candidate.due + (candidate.deadline - candidate.due) / 2
    return now + start_deadline(candidate.job, now) / 2


def wait_for_pool(state: SchedulerState, candidate: Candidate) -> None:
    """Let it wait until its pool has its slots free."""
    state.wait_for_pool[candidate.key] = candidate
    set_deadline(state, candidate)
    pool = candidate.job.pool
    reply(state, candidate, f"waits for room in pool {pool.name if pool is not None else ''}")


def set_deadline(state: SchedulerState, candidate: Candidate) -> None:
    """Let it wait no longer than it may."""
    if candidate.deadline is not None:
        state.timers.set(TimerKind.START_DEADLINE, candidate.key, candidate.deadline)
