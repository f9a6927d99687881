"""Claims: who may run, decided on a draft; see :meth:`jobd.ports.Store.claim`.

In this order: a claim that is repeated, a tick that was decided, an operator's wish, a
lease that has run out, the job's own runs and rest, the pool.
"""

from dataclasses import replace
from datetime import datetime

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimDenied, ClaimGranted, ClaimRequest, Pause
from jobd.core.ledger import SkipReason, TickRange, TickRecord
from jobd.core.overlap import Fate, Obstacle, fate, obstacle
from jobd.core.wishes import pause_words, skip_next_words
from jobd.store import pools
from jobd.store.history import History, rows_over
from jobd.store.leases import Asker, believe, end_overdue
from jobd.store.roll import Draft, JobState


def claim(draft: Draft, history: History, request: ClaimRequest, asker: Asker) -> ClaimAnswer:
    """Decide one request; see :meth:`jobd.ports.Store.claim`."""
    state = draft.look(request.job)
    own = state.active_run(request.run_id)
    if own is not None and own.node == asker.node:
        return _grant_again(draft, request, own, asker)
    if own is not None or _was_decided(draft, history, state, request):
        draft.settle(request.job, request.settled_until)
        return ClaimDenied(request, None, settled=True)
    unwanted = _why_unwanted(draft, state, request.fire_time, asker.now)
    if unwanted:
        return _skip(draft, request, Obstacle(SkipReason.PAUSED), unwanted, asker)
    if state.active:
        believe(draft, [state], asker)
        end_overdue(draft, request.job, asker)
        state = draft.look(request.job)
    found = obstacle(request.demand, state.active, state.rest_until, asker.now)
    if found is not None:
        return _deny(draft, request, found, asker)
    if pools.is_full(draft, request.demand.pool, asker):
        return ClaimDenied(request, SkipReason.POOL, settled=False)
    return _grant(draft, request, asker)


def _was_decided(draft: Draft, history: History, state: JobState, request: ClaimRequest) -> bool:
    instant = request.fire_time
    if instant is None:  # by hand: decided if that very run has been, and ended
        is_known = request.run_id in draft.finished
        return is_known or history.ended_token(request.run_id) is not None
    if state.decided_until is None or instant > state.decided_until:
        return False
    return bool(rows_over(draft, history, state, instant, instant))


def _why_unwanted(draft: Draft, state: JobState, fire_time: datetime | None, now: datetime) -> str:
    """Return which operator does not want this tick and why, or ""; a wish for just the next
    tick is fulfilled by that. Runs by hand are always wanted."""
    if fire_time is None:
        return ""
    wish, pause = state.skip_next, state.pause
    words = ""
    if wish is not None and (wish.until is None or fire_time >= wish.until):
        draft.edit(state.name).skip_next = None
        words = skip_next_words(wish) if wish.until in (None, fire_time) else ""
    return pause_words(pause) if _is_in_force(pause, now) and pause is not None else words


def _is_in_force(pause: Pause | None, now: datetime) -> bool:
    return pause is not None and (pause.until is None or pause.until > now)


def _grant_again(draft: Draft, request: ClaimRequest, own: ActiveRun, asker: Asker) -> ClaimGranted:
    draft.settle(request.job, request.settled_until)
    if asker.ttl is not None:
        draft.swap(own, replace(own, lease_until=asker.lease_until))
    return ClaimGranted(request, own.token, own.claimed_at)


def _grant(draft: Draft, request: ClaimRequest, asker: Asker) -> ClaimGranted:
    state = draft.edit(request.job)
    state.token += 1
    run = _run_of(request, state.token, asker)
    state.active = (*state.active, run)
    draft.granted.append(run)
    pools.take(draft, run)
    if request.fire_time is not None:
        ticks = TickRange(request.job, request.fire_time, request.fire_time, 1)
        draft.record(TickRecord(ticks, None, run.run_id, "", None, asker.now, asker.node))
    draft.settle(request.job, request.settled_until)
    return ClaimGranted(request, state.token, asker.now)


def _run_of(request: ClaimRequest, token: int, asker: Asker) -> ActiveRun:
    pool = request.demand.pool
    return ActiveRun(
        request.run_id,
        request.job,
        asker.node,
        token,
        request.fire_time,
        request.trigger,
        claimed_at=asker.now,
        requested_by=request.requested_by,
        params=request.params,
        lease_until=asker.lease_until,
        pool=None if pool is None else pool.name,
        slots=0 if pool is None else pool.slots,
    )


def _deny(draft: Draft, request: ClaimRequest, found: Obstacle, asker: Asker) -> ClaimDenied:
    is_skip = fate(request.demand.overlap, found.reason) is Fate.SKIPPED
    if request.fire_time is None or not is_skip:
        return ClaimDenied(request, found.reason, False, found.blocker, found.until)
    detail = f"max_duty: rests until {found.until:%Y-%m-%dT%H:%M:%SZ}" if found.until else ""
    return _skip(draft, request, found, detail, asker)


def _skip(
    draft: Draft, request: ClaimRequest, found: Obstacle, detail: str, asker: Asker
) -> ClaimDenied:
    assert request.fire_time is not None, "only ticks are skipped"
    ticks = TickRange(request.job, request.fire_time, request.fire_time, 1)
    by = None if found.blocker is None else found.blocker.run_id
    draft.record(TickRecord(ticks, found.reason, None, detail, by, asker.now, asker.node))
    draft.settle(request.job, request.settled_until)
    return ClaimDenied(request, found.reason, True, found.blocker, found.until)
